"""Rule make_near_duplicates: blends, round trips and image to image of test persons' originals."""

from avatarflow.privacy.near_duplicates.make import make_near_duplicates
from avatarflow.runs.context import step

with step(snakemake) as run:
    make_near_duplicates(
        snakemake.input.pool,
        snakemake.input.model,
        snakemake.params.settings,
        seed=snakemake.params.seed,
        pictures=snakemake.output.pictures,
        step=run,
    )
