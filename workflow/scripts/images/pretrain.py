"""Rule pretrain: a public base from generated eyes."""

from avatarflow.generators.steps import pretrain
from avatarflow.runs.context import step

with step(snakemake) as run:
    pretrain(
        snakemake.params.settings,
        model=snakemake.output.model,
        state=snakemake.params.state,
        processes=snakemake.threads,
        step=run,
    )
