"""Rule augment: the pictures the teacher learns from."""

from avatarflow.generators.training_data import training_set
from avatarflow.runs.context import step

with step(snakemake) as run:
    training_set(
        snakemake.input.pool,
        snakemake.params.augment,
        seed=snakemake.params.seed,
        pictures=snakemake.output.pictures,
        step=run,
        canaries=snakemake.input.get("canaries"),
    )
