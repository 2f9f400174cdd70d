"""Rule rehearse_reader_study: machine readers answer a release's reader study."""

from avatarflow.reader_study.rehearsal import rehearse
from avatarflow.runs.context import step

with step(snakemake) as run:
    rehearse(
        dict(snakemake.input),
        snakemake.params.readers,
        seed=snakemake.params.seed,
        outputs=dict(snakemake.output),
        step=run,
    )
