"""Rule compare_rules: the cone beside its published rivals."""

from avatarflow.privacy.baselines.step import compare_entry
from avatarflow.runs.context import step

with step(snakemake) as run:
    compare_entry(
        {
            "pool": snakemake.input.pool,
            "cones": snakemake.input.cones,
            "originals": snakemake.input.originals,
            "calibration": snakemake.input.calibration,
            "test": snakemake.input.test,
        },
        seed=snakemake.params.seed,
        rivals=snakemake.output.rivals,
        figure=snakemake.output.figure,
        step=run,
    )
