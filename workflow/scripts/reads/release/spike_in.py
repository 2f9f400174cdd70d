"""Rule spike_in: simulated human reads among a user's reads."""

from avatarflow.reads.release.spike_in import spike_in
from avatarflow.runs.context import step

with step(snakemake) as run:
    spike_in(
        dict(snakemake.input),
        snakemake.params.spikes,
        snakemake.params.single,
        snakemake.params.seed,
        outputs=dict(snakemake.output),
        step=run,
    )
