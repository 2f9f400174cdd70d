"""Rule simulate_panel: a phased panel of people who share a simulated history."""

from pathlib import Path

from avatarflow.reads.donors.coalescent import simulate_panel
from avatarflow.runs.context import step

with step(snakemake) as run:
    simulate_panel(
        snakemake.input.host,
        snakemake.params.settings,
        snakemake.params.rates,
        snakemake.params.seed,
        Path(snakemake.output.vcf).parent,
        run,
    )
