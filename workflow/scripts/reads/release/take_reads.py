"""Rule take_reads: a user's reads, checked and under neutral names."""

from avatarflow.reads.user_reads.take import take_reads
from avatarflow.runs.context import step

with step(snakemake) as run:
    take_reads(
        dict(snakemake.input),
        shortest_bp=snakemake.params.shortest_bp,
        drop_short=snakemake.params.short == "drop",
        quality_offset=snakemake.params.quality_offset,
        outputs=dict(snakemake.output),
        step=run,
    )
