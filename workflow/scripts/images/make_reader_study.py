"""Rule make_reader_study: what the readers of a study are shown, and the key apart from it."""

from avatarflow.reader_study.material import make_material
from avatarflow.runs.context import step

with step(snakemake) as run:
    make_material(
        snakemake.wildcards.name,
        dict(snakemake.input),
        snakemake.params.settings,
        outputs=dict(snakemake.output),
        step=run,
    )
