"""Rule expose_pictures: what a set of pictures gives away of the canaries."""

from avatarflow.privacy.canaries.picture_step import expose_pictures
from avatarflow.runs.context import step

with step(snakemake) as run:
    expose_pictures(
        {
            "canaries": snakemake.input.canaries,
            "canaries_fingerprints": snakemake.input.canaries_fingerprints,
            "samples": snakemake.input.samples,
            "fingerprints": snakemake.input.fingerprints,
            "decisions": snakemake.input.decisions,
            "cones": snakemake.input.cones,
        },
        snakemake.params.kind,
        seed=snakemake.params.seed,
        target=snakemake.wildcards.target,
        results=snakemake.output.results,
        step=run,
    )
