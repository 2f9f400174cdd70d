"""Rule set_anatomy_limits: what the anatomy of originals is like."""

from avatarflow.quality.anatomy.step import set_limits_of
from avatarflow.runs.context import step

with step(snakemake) as run:
    set_limits_of(
        snakemake.input.pool,
        snakemake.params.anatomy,
        snakemake.params.columns,
        limits=snakemake.output.limits,
        step=run,
    )
