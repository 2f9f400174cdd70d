"""Rule nearest_pairs: the riskiest candidates beside their nearest originals."""

from avatarflow.quality.pairs import nearest_pairs_of
from avatarflow.runs.context import step

with step(snakemake):
    nearest_pairs_of(
        snakemake.input.pool,
        snakemake.input.samples,
        snakemake.input.decisions,
        selection=snakemake.params.selection,
        count=snakemake.params.pairs,
        pairs=snakemake.output.pairs,
    )
