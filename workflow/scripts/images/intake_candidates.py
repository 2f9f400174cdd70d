"""Rule intake_candidates: the pictures an audit is to judge, all rows kept."""

from avatarflow.intake.candidates import take_in_candidates
from avatarflow.runs.context import step

with step(snakemake) as run:
    take_in_candidates(
        snakemake.params.settings,
        manifest=snakemake.input.manifest,
        root=snakemake.params.root,
        processes=snakemake.threads,
        pictures=snakemake.output.pictures,
        summary=snakemake.output.summary,
        step=run,
    )
