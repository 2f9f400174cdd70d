"""Rule plot_removal: sensitivity against sequencing error."""

from avatarflow.reads.scoring.figure import plot_scores
from avatarflow.runs.context import step

with step(snakemake) as run:
    plot_scores(snakemake.input.scores, snakemake.output.plot)
    run.artifact(snakemake.output.plot)
