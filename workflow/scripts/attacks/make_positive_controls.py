"""Rule make_positive_controls: what attacks on pictures must find, copies of non-members."""

from avatarflow.privacy.attacks.controls.leaked_pictures import write_leaks
from avatarflow.runs.context import step

with step(snakemake):
    write_leaks(
        snakemake.input.pool,
        snakemake.input.encoder,
        snakemake.params.compute,
        seed=snakemake.params.seed,
        pictures=snakemake.output.pictures,
        fingerprints=snakemake.output.fingerprints,
    )
