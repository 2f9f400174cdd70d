"""Rule weigh_candidates: what the cone and its baselines say of foreign pictures."""

from avatarflow.audit.step import weigh_candidates
from avatarflow.runs.context import step

with step(snakemake) as run:
    weigh_candidates(
        {
            "pool": snakemake.input.pool,
            "candidates": snakemake.input.candidates,
            "cones": snakemake.input.cones,
            "originals": snakemake.input.originals,
            "risks": snakemake.input.risks,
            "fingerprints": snakemake.input.fingerprints,
            "decisions": snakemake.input.decisions,
            "baselines": snakemake.input.baselines,
            "verifier": snakemake.input.get("verifier", ""),
        },
        snakemake.params.settings,
        seed=snakemake.params.seed,
        weighed=snakemake.output.weighed,
        baselines=snakemake.output.baselines,
        figure=snakemake.output.figure,
        step=run,
    )
