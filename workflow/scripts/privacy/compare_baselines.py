"""Rule compare_baselines: the cone beside its published baselines."""

from avatarflow.privacy.baselines.step import compare_entry
from avatarflow.runs.context import step

with step(snakemake) as run:
    compare_entry(
        dict(snakemake.input),
        seed=snakemake.params.seed,
        baselines=snakemake.output.baselines,
        figure=snakemake.output.figure,
        step=run,
    )
