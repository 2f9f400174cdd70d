"""Rule simulate_reads: one shard of paired reads with their truth."""

from avatarflow.reads.simulation.simulate import simulate_shard
from avatarflow.runs.context import step

with step(snakemake) as run:
    simulate_shard(
        dict(snakemake.input),
        snakemake.params.reads,
        snakemake.params.mixture,
        {
            "donor": snakemake.wildcards.donor,
            "error": float(snakemake.wildcards.error),
            "seeds": snakemake.params.seeds,
            "sex": snakemake.params.sex,
        },
        shard=(int(snakemake.wildcards.shard), snakemake.params.shards),
        outputs=dict(snakemake.output),
        step=run,
    )
