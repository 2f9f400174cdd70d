"""Rule fingerprint_canaries: canaries as fingerprints."""

from avatarflow.privacy.canaries.fingerprinting import fingerprint_canaries
from avatarflow.runs.context import step

with step(snakemake):
    fingerprint_canaries(
        snakemake.input.canaries,
        snakemake.input.encoder,
        snakemake.params.cone,
        snakemake.params.compute,
        seed=snakemake.params.seed,
        fingerprints=snakemake.output.fingerprints,
        own=snakemake.output.own,
    )
