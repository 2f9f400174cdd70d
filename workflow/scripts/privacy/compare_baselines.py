"""Rule compare_baselines: the cone beside its published baselines."""

from avatarflow.privacy.baselines.step import compare_entry
from avatarflow.runs.context import step

with step(snakemake) as run:
    compare_entry(
        {
            "pool": snakemake.input.pool,
            "cones": snakemake.input.cones,
            "originals": snakemake.input.originals,
            "own": snakemake.input.own,
            "calibration": snakemake.input.calibration,
            "test": snakemake.input.test,
            "canaries_own": snakemake.input.get("canaries_own", ""),
        },
        seed=snakemake.params.seed,
        baselines=snakemake.output.baselines,
        figure=snakemake.output.figure,
        step=run,
    )
