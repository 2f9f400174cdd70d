"""Rule second_opinion: what an independent matcher says of every candidate."""

from avatarflow.privacy.verifier.verify import second_opinion
from avatarflow.runs.context import step

with step(snakemake) as run:
    second_opinion(
        {
            "candidates": snakemake.input.candidates,
            "pool": snakemake.input.pool,
            "fingerprints": snakemake.input.fingerprints,
            "originals": snakemake.input.originals,
            "encoder": snakemake.input.encoder,
            "cones": snakemake.input.cones,
            "trial": snakemake.input.trial,
            "canaries": snakemake.input.get("canaries", ""),
        },
        snakemake.params.second_opinion,
        seed=snakemake.params.seed,
        opinions=snakemake.output.opinions,
        figures=snakemake.output.figures,
        step=run,
    )
