"""Rule paper_item: one figure or table of a paper, with its data."""

from avatarflow.papers.step import make_item
from avatarflow.runs.context import step

with step(snakemake) as run:
    make_item(
        dict(snakemake.input),
        snakemake.params.item,
        outputs=dict(snakemake.output),
        step=run,
    )
