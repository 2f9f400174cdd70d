"""Rule attack_generator: attacks on one generator."""

from avatarflow.privacy.attacks.on_generator.step import attack_model
from avatarflow.runs.context import step

with step(snakemake) as run:
    attack_model(
        dict(snakemake.input),
        snakemake.params.settings,
        seed=snakemake.params.seed,
        stage=snakemake.wildcards.stage,
        state=snakemake.params.state,
        results=snakemake.output.results,
        step=run,
    )
