"""Rule simulate_panel: a phased panel of people who share a simulated history."""

from avatarflow.reads.donors.coalescent import simulate_panel
from avatarflow.runs.context import step

with step(snakemake) as run:
    simulate_panel(
        snakemake.input.host,
        snakemake.params.settings,
        snakemake.params.rates,
        snakemake.params.seed,
        outputs=dict(snakemake.output),
        step=run,
    )
