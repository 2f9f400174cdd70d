"""Rule judge_candidates: one decision per candidate picture."""

from avatarflow.privacy.cones.decide_step import judge_pictures
from avatarflow.runs.context import step

with step(snakemake) as run:
    judge_pictures(
        dict(snakemake.input),
        stage=snakemake.wildcards.stage,
        decisions=snakemake.output.decisions,
        step=run,
    )
