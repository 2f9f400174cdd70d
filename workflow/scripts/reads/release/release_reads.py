"""Rule release_reads: the decision, and the cleaned reads that may be released."""

from avatarflow.reads.release.assess import tool_runs
from avatarflow.reads.release.folder import release_reads
from avatarflow.runs.context import step

with step(snakemake) as run:
    release_reads(
        snakemake.wildcards.name,
        dict(snakemake.input),
        tool_runs(snakemake.params.tools, snakemake.input.calls, snakemake.input.usage),
        {**snakemake.params.settings, "signing": snakemake.params.signing},
        outputs=dict(snakemake.output),
        folder=snakemake.params.folder,
        step=run,
    )
