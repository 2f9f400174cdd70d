"""Rule judge_near_duplicates: how many near-duplicates the cones reject."""

from avatarflow.privacy.near_duplicates.decide import judge_near_duplicates
from avatarflow.runs.context import step

with step(snakemake) as run:
    judge_near_duplicates(
        dict(snakemake.input),
        snakemake.params.verifier,
        seed=snakemake.params.seed,
        results=snakemake.output.results,
        figure=snakemake.output.figure,
        step=run,
    )
