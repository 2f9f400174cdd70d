"""Rule join_reads: whole files out of shards."""

from avatarflow.reads.simulation.joining import join_shards
from avatarflow.runs.context import step

with step(snakemake):
    join_shards(
        dict(snakemake.input),
        outputs=dict(snakemake.output),
    )
