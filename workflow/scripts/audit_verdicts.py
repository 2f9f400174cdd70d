"""Rule audit_verdicts: the verdicts of an audit, handed over."""

from avatarflow.privacy.verdicts import join
from avatarflow.runtime import step

with step(snakemake):
    join([snakemake.input.verdicts], snakemake.output.verdicts, drop=["stage"])
