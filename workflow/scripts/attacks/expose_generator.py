"""Rule expose_generator: what a generator gives away of the canaries."""

from avatarflow.privacy.canaries.model_step import expose_generator
from avatarflow.runs.context import step

with step(snakemake) as run:
    expose_generator(
        snakemake.input.canaries,
        snakemake.input.model,
        snakemake.params.settings,
        seed=snakemake.params.seed,
        stage=snakemake.wildcards.stage,
        results=snakemake.output.results,
        step=run,
    )
