"""Rule pretrain: a public base from generated eyes."""

from avatarflow.runtime import step
from avatarflow.synthesis.stations import pretrain

with step(snakemake) as run:
    pretrain(
        snakemake.params.settings,
        model=snakemake.output.model,
        state=snakemake.params.state,
        processes=snakemake.threads,
        step=run,
    )
