"""Rule sample: one shard of candidates."""

from avatarflow.runtime import step
from avatarflow.synthesis.stations import sample_shard

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
