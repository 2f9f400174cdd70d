"""Rule join_verdicts: the verdicts of both stages in one table."""

from avatarflow.privacy.verdicts import join
from avatarflow.runtime import step

with step(snakemake):
    join([snakemake.input.teacher, snakemake.input.student], snakemake.output.verdicts)
