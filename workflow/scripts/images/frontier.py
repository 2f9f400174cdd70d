"""Rule frontier: fidelity, agreement, rejection and risk over the guidance scale."""

from avatarflow.quality.frontier import frontier_entry
from avatarflow.runs.context import step

with step(snakemake) as run:
    frontier_entry(
        dict(snakemake.input),
        {
            "sample": snakemake.params.sample,
            "evaluate": snakemake.params.evaluate,
            "conditions": snakemake.params.columns,
        },
        seed=snakemake.params.seed,
        outputs=dict(snakemake.output),
        step=run,
        threads=snakemake.threads,
    )
