"""Rule assess_reads: what is left of the donor in cleaned reads."""

from avatarflow.reads.release.assess import assess, tool_runs
from avatarflow.runs.context import step

with step(snakemake) as run:
    found = assess(
        dict(snakemake.input),
        tool_runs(snakemake.params.tools, snakemake.input.calls, snakemake.input.usage),
        snakemake.params.settings,
        snakemake.output.assessment,
        threads=snakemake.threads,
        step=run,
    )
    if found["bits"]["high"] is not None:
        run.metric("bits_left_high", found["bits"]["high"])
