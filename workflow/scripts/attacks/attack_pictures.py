"""Rule attack_pictures: attacks that need no generator, on one set of pictures."""

from avatarflow.privacy.attacks.on_pictures.step import attack_pictures
from avatarflow.runs.context import step

with step(snakemake) as run:
    attack_pictures(
        {
            "pool": snakemake.input.pool,
            "samples": snakemake.input.samples,
            "decisions": snakemake.input.decisions,
            "encoder": snakemake.input.encoder,
            "originals": snakemake.input.originals,
            "fingerprints": snakemake.input.fingerprints,
            "leaks": snakemake.input.leaks,
            "leaks_fingerprints": snakemake.input.leaks_fingerprints,
        },
        snakemake.params.conditions,
        snakemake.params.attacks,
        seed=snakemake.params.seed,
        target=snakemake.wildcards.target,
        results=snakemake.output.results,
        step=run,
    )
