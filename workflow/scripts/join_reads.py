"""Rule join_reads: whole files out of shards."""

from avatarflow.reads.fastq import join_shards
from avatarflow.runtime import step

with step(snakemake):
    join_shards(
        snakemake.input.reads1,
        snakemake.input.reads2,
        snakemake.input.truth,
        outputs=dict(snakemake.output),
    )
