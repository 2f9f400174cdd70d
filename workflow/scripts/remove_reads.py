"""Rules remove_with_<tool>: one verdict per fragment, measured."""

from avatarflow.reads.removal import remove_reads
from avatarflow.runtime import step

with step(snakemake) as run:
    remove_reads(
        snakemake.params.name,
        snakemake.params.tool,
        snakemake.params.tool["settings"][snakemake.wildcards.setting],
        index=snakemake.input.index,
        reads=(snakemake.input.reads1, snakemake.input.reads2),
        mate_rule=snakemake.params.mate_rule,
        verdicts=snakemake.output.verdicts,
        usage=snakemake.output.usage,
        threads=snakemake.threads,
        step=run,
    )
