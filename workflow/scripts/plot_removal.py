"""Rule plot_removal: sensitivity against sequencing error."""

from avatarflow.reads.plot import plot_scores
from avatarflow.runtime import step

with step(snakemake) as run:
    plot_scores(snakemake.input.scores, snakemake.output.plot)
    run.artifact(snakemake.output.plot)
