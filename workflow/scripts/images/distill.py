"""Rule distill: the student, trained on accepted pictures."""

from avatarflow.generators.steps import distill
from avatarflow.runs.context import step

with step(snakemake) as run:
    distill(
        snakemake.input.samples,
        snakemake.input.decisions,
        snakemake.params.settings,
        model=snakemake.output.model,
        state=snakemake.params.state,
        base=snakemake.input.get("base"),
        step=run,
    )
