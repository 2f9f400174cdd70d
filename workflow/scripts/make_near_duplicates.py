"""Rule make_near_duplicates: blends, round trips and image to image of test persons' originals."""

from avatarflow.privacy.generative.making import make_near_duplicates
from avatarflow.runtime import step

with step(snakemake) as run:
    make_near_duplicates(
        snakemake.input.pool,
        snakemake.input.model,
        snakemake.params.settings,
        seed=snakemake.params.seed,
        pictures=snakemake.output.pictures,
        step=run,
    )
