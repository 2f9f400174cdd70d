"""Rule plot_risk: bits and rank as a picture."""

from avatarflow.reads.risk.figure import plot_risk
from avatarflow.runs.context import step

with step(snakemake) as run:
    plot_risk(snakemake.input.risk, snakemake.output.plot)
    run.artifact(snakemake.output.plot)
