"""Rule plot_risk: bits and rank as a picture."""

from avatarflow.reads.risk.picture import plot_risk
from avatarflow.runtime import step

with step(snakemake) as run:
    plot_risk(snakemake.input.risk, snakemake.output.plot)
    run.artifact(snakemake.output.plot)
