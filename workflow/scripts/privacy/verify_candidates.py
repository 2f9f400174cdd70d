"""Rule verify_candidates: what an independent matcher says of every candidate."""

from avatarflow.privacy.verifier.verify import verify_candidates
from avatarflow.runs.context import step

with step(snakemake) as run:
    verify_candidates(
        dict(snakemake.input),
        snakemake.params.verifier,
        seed=snakemake.params.seed,
        verifications=snakemake.output.verifier,
        figures=snakemake.output.figures,
        step=run,
    )
