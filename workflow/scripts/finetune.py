"""Rule finetune: the teacher, trained on augmented originals."""

from avatarflow.runtime import step
from avatarflow.synthesis.stations import finetune

with step(snakemake) as run:
    finetune(
        snakemake.input.training,
        snakemake.params.settings,
        model=snakemake.output.model,
        state=snakemake.params.state,
        base=snakemake.input.get("base"),
        step=run,
    )
