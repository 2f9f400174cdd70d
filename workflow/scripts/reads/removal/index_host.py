"""Rule index_host: a removal tool's index of the host, measured."""

from avatarflow.reads.removal.run import ToolSetting, build_index
from avatarflow.runs.context import step

with step(snakemake) as run:
    build_index(
        ToolSetting(snakemake.wildcards.tool, snakemake.params.tool, snakemake.wildcards.setting),
        host=snakemake.input.host,
        index=snakemake.output.index,
        usage=snakemake.output.usage,
        threads=snakemake.threads,
        step=run,
    )
