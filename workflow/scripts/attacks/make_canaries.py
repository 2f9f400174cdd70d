"""Rule make_canaries: the canaries of a release."""

from avatarflow.intake.canaries import write_canaries
from avatarflow.runs.context import step

with step(snakemake):
    write_canaries(
        snakemake.params.canaries,
        snakemake.params.conditions,
        snakemake.params.size_px,
        seed=snakemake.params.seed,
        processes=snakemake.threads,
        pictures=snakemake.output.pictures,
    )
