"""Rule audit_decisions: the decisions of an audit, handed over."""

from avatarflow.privacy.cones.decide_step import join
from avatarflow.runs.context import step

with step(snakemake):
    join([snakemake.input.decisions], snakemake.output.decisions, drop=["stage"])
