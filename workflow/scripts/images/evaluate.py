"""Rule evaluate: what the accepted pictures are worth."""

from avatarflow.quality.evaluation import evaluate_entry
from avatarflow.runs.context import step

with step(snakemake) as run:
    evaluate_entry(
        {
            "pool": snakemake.input.pool,
            "samples": snakemake.input.samples,
            "decisions": snakemake.input.decisions,
        },
        snakemake.params.evaluate,
        snakemake.params.columns,
        seed=snakemake.params.seed,
        metrics=snakemake.output.metrics,
        overview=snakemake.output.overview,
        step=run,
        threads=snakemake.threads,
    )
