"""Rule spike_in: simulated human reads among a user's reads."""

from avatarflow.reads.release.spike_in import spike_in
from avatarflow.runs.context import step

with step(snakemake) as run:
    spike_in(
        {
            "reads1": snakemake.input.reads1,
            "reads2": snakemake.input.reads2,
            "summary": snakemake.input.summary,
            "host": snakemake.input.host,
            "microbes": snakemake.input.microbes,
            "profile": snakemake.input.profile,
            "variants": list(snakemake.input.variants),
            "parts": list(snakemake.input.parts),
        },
        snakemake.params.spikes,
        snakemake.params.single,
        snakemake.params.seed,
        outputs=dict(snakemake.output),
        step=run,
    )
