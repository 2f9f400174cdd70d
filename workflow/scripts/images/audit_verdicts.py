"""Rule audit_verdicts: the verdicts of an audit, handed over."""

from avatarflow.privacy.cones.decide_step import join
from avatarflow.runs.context import step

with step(snakemake):
    join([snakemake.input.verdicts], snakemake.output.verdicts, drop=["stage"])
