"""Rule join_canaries: the exposure curves of the canaries."""

from avatarflow.privacy.canaries.summary import join
from avatarflow.runs.context import step

with step(snakemake) as run:
    join(
        snakemake.input.canaries,
        snakemake.input.parts,
        snakemake.params.canaries["kind"],
        seed=snakemake.params.seed,
        outputs=dict(snakemake.output),
        step=run,
    )
