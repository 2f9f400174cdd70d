"""Rule sample: one shard of candidates."""

from avatarflow.generators.steps import sample_shard
from avatarflow.runs.context import step

with step(snakemake) as run:
    sample_shard(
        snakemake.input.model,
        snakemake.params.settings,
        shard=snakemake.wildcards.scatteritem,
        stage=snakemake.wildcards.stage,
        pictures=snakemake.output.pictures,
        state=snakemake.params.state,
        step=run,
    )
