"""Rule verify_candidates: what an independent matcher says of every candidate."""

from avatarflow.privacy.verifier.verify import verify_candidates
from avatarflow.runs.context import step

with step(snakemake) as run:
    verify_candidates(
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
        snakemake.params.verifier,
        seed=snakemake.params.seed,
        verifications=snakemake.output.verifier,
        figures=snakemake.output.figures,
        step=run,
    )
