"""Rule remove_reads: one call per fragment, measured."""

from avatarflow.reads.removal.run import ToolSetting, remove_reads
from avatarflow.runs.context import step

with step(snakemake) as run:
    remove_reads(
        ToolSetting(snakemake.wildcards.tool, snakemake.params.tool, snakemake.wildcards.setting),
        dict(snakemake.input),
        mate_rule=snakemake.params.mate_rule,
        repeats=snakemake.params.repeats,
        outputs=dict(snakemake.output),
        threads=snakemake.threads,
        step=run,
    )
