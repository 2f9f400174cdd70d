"""Rule finetune: the teacher, trained on augmented originals."""

from avatarflow.generators.steps import finetune
from avatarflow.runs.context import step

with step(snakemake) as run:
    finetune(
        snakemake.input.training,
        snakemake.params.settings,
        model=snakemake.output.model,
        state=snakemake.params.state,
        base=snakemake.input.get("base"),
        step=run,
    )
