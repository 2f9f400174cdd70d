"""Rule fit_profile: an error profile from a BAM."""

from avatarflow.reads.profiles.fit import fit_profile
from avatarflow.runs.context import step

with step(snakemake) as run:
    fit_profile(
        snakemake.input.bam,
        snakemake.input.get("reference"),
        snakemake.params.platform,
        profile=snakemake.output.profile,
        summary=snakemake.output.summary,
        step=run,
    )
