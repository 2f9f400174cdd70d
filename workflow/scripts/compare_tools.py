"""Rule compare_tools: tools against each other on the same fragments."""

from avatarflow.reads.mcnemar import write_comparison
from avatarflow.runtime import step

with step(snakemake) as run:
    write_comparison(snakemake.params.cells, snakemake.output.pairs)
    run.artifact(snakemake.output.pairs)
