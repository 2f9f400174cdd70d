"""Rule join_canaries: the exposure curves of the canaries."""

from avatarflow.privacy.canaries.summary import join
from avatarflow.runs.context import step

with step(snakemake) as run:
    join(
        snakemake.input.canaries,
        snakemake.input.parts,
        snakemake.params.canaries["kind"],
        seed=snakemake.params.seed,
        results=snakemake.output.results,
        rows=snakemake.output.rows,
        figure=snakemake.output.figure,
        step=run,
    )
