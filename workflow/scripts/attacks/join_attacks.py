"""Rule join_attacks: every attack of a release in one table and one figure."""

from avatarflow.privacy.attacks.summary import join
from avatarflow.runs.context import step

with step(snakemake) as run:
    join(
        snakemake.input.parts,
        snakemake.params.attacks,
        results=snakemake.output.results,
        figure=snakemake.output.figure,
        step=run,
    )
