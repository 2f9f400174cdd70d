"""Rule evaluate: what the accepted pictures are worth."""

from avatarflow.quality.evaluation import evaluate_entry
from avatarflow.runs.context import step

with step(snakemake) as run:
    evaluate_entry(
        dict(snakemake.input),
        snakemake.params.evaluate,
        snakemake.params.columns,
        seed=snakemake.params.seed,
        outputs=dict(snakemake.output),
        step=run,
        threads=snakemake.threads,
    )
