"""Rule release: the decision, and the pictures that may be published."""

from avatarflow.release.step import release_entry
from avatarflow.runs.context import step

with step(snakemake) as run:
    release_entry(
        snakemake.wildcards.name,
        dict(snakemake.input),
        snakemake.params.settings,
        outputs=dict(snakemake.output),
        step=run,
        signing=snakemake.params.signing,
    )
