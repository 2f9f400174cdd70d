"""Rule judge_candidates: one decision per candidate picture."""

from avatarflow.privacy.cones.decide_step import judge_pictures
from avatarflow.runs.context import step

with step(snakemake) as run:
    judge_pictures(
        snakemake.input.candidates,
        snakemake.input.fingerprints,
        snakemake.input.cones,
        snakemake.input.encoder,
        stage=snakemake.wildcards.stage,
        decisions=snakemake.output.decisions,
        step=run,
        verifier=snakemake.input.get("verifier"),
    )
