"""Rule join_decisions: the decisions of both stages in one table."""

from avatarflow.privacy.cones.decide_step import join
from avatarflow.runs.context import step

with step(snakemake):
    join([snakemake.input.teacher, snakemake.input.student], snakemake.output.decisions)
