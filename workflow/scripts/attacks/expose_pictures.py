"""Rule expose_pictures: what a set of pictures gives away of the canaries."""

from avatarflow.privacy.canaries.picture_step import expose_pictures
from avatarflow.runs.context import step

with step(snakemake) as run:
    expose_pictures(
        dict(snakemake.input),
        snakemake.params.kind,
        seed=snakemake.params.seed,
        target=snakemake.wildcards.target,
        results=snakemake.output.results,
        step=run,
    )
