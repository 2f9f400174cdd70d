"""Rule audit_pairs: the riskiest candidates of an audit beside their nearest originals."""

from avatarflow.quality.pairs import nearest_pairs_of
from avatarflow.runs.context import step

with step(snakemake):
    nearest_pairs_of(
        snakemake.input.pool,
        snakemake.input.candidates,
        snakemake.input.decisions,
        count=snakemake.params.pairs,
        pairs=snakemake.output.pairs,
        every=True,
    )
