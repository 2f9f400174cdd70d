"""Rule attack_pictures: attacks that need no generator, on one set of pictures."""

from avatarflow.privacy.attacks.on_pictures.step import attack_pictures
from avatarflow.runs.context import step

with step(snakemake) as run:
    attack_pictures(
        dict(snakemake.input),
        snakemake.params.conditions,
        snakemake.params.attacks,
        seed=snakemake.params.seed,
        target=snakemake.wildcards.target,
        results=snakemake.output.results,
        step=run,
    )
