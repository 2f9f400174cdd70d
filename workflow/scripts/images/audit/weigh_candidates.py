"""Rule weigh_candidates: what the cone and its baselines say of foreign pictures."""

from avatarflow.audit.step import weigh_candidates
from avatarflow.runs.context import step

with step(snakemake) as run:
    weigh_candidates(
        dict(snakemake.input),
        snakemake.params.settings,
        seed=snakemake.params.seed,
        weighed=snakemake.output.weighed,
        baselines=snakemake.output.baselines,
        figure=snakemake.output.figure,
        step=run,
    )
