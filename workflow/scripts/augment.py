"""Rule augment: the pictures the teacher learns from."""

from avatarflow.runtime import step
from avatarflow.synthesis.curriculum import training_set

with step(snakemake) as run:
    training_set(
        snakemake.input.pool,
        snakemake.params.augment,
        seed=snakemake.params.seed,
        pictures=snakemake.output.pictures,
        step=run,
        canaries=snakemake.input.get("canaries"),
    )
