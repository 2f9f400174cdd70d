"""Rule try_matcher: the independent matcher's threshold, and how well it does."""

from avatarflow.privacy.verifier.trial import try_matcher
from avatarflow.runs.context import step

with step(snakemake) as run:
    try_matcher(
        snakemake.input.pool,
        snakemake.params.second_opinion,
        snakemake.params.families,
        seed=snakemake.params.seed,
        figures=snakemake.output.trial,
        step=run,
    )
