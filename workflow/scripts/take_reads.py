"""Rule take_reads: a user's reads, checked and under neutral names."""

from avatarflow.reads.own import take_reads
from avatarflow.runtime import step

with step(snakemake) as run:
    take_reads(snakemake.params.own, dict(snakemake.output), run)
