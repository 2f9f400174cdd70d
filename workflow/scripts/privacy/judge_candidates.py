"""Rule judge_candidates: one decision per candidate picture."""

from avatarflow.privacy.cones.decide_step import judge_pictures
from avatarflow.runs.context import step

with step(snakemake) as run:
    judge_pictures(
        {
            "candidates": snakemake.input.candidates,
            "fingerprints": snakemake.input.fingerprints,
            "cones": snakemake.input.cones,
            "encoder": snakemake.input.encoder,
            "verifier": snakemake.input.get("verifier"),
        },
        stage=snakemake.wildcards.stage,
        decisions=snakemake.output.decisions,
        step=run,
    )
