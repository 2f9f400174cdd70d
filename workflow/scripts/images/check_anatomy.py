"""Rule check_anatomy: which candidates show what belongs into such a picture."""

from avatarflow.quality.anatomy.step import check_candidates
from avatarflow.runs.context import step

with step(snakemake) as run:
    check_candidates(
        snakemake.input.candidates,
        snakemake.input.limits,
        snakemake.params.columns,
        checked=snakemake.output.checked,
        step=run,
    )
