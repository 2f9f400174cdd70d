"""Rule paper_page: all items of a paper on one page, as HTML and as PDF."""

from avatarflow.papers.page import write_pages
from avatarflow.runs.context import step

with step(snakemake) as run:
    write_pages(
        dict(snakemake.input),
        snakemake.params.paper,
        outputs=dict(snakemake.output),
        step=run,
    )
