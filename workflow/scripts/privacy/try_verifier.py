"""Rule try_verifier: the independent matcher's threshold, and how well it does."""

from avatarflow.privacy.verifier.trial import try_verifier
from avatarflow.runs.context import step

with step(snakemake) as run:
    try_verifier(
        snakemake.input.pool,
        snakemake.params.verifier,
        snakemake.params.families,
        seed=snakemake.params.seed,
        figures=snakemake.output.trial,
        step=run,
    )
