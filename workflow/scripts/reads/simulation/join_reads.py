"""Rule join_reads: whole files out of shards."""

from avatarflow.reads.simulation.joining import join_shards
from avatarflow.runs.context import step

with step(snakemake):
    join_shards(
        {
            "reads1": snakemake.input.reads1,
            "reads2": snakemake.input.reads2,
            "bam": snakemake.input.bam,
            "truth": snakemake.input.truth,
        },
        outputs=dict(snakemake.output),
    )
