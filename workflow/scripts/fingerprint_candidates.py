"""Rule fingerprint_candidates: fingerprints of the pictures to be judged."""

from avatarflow.privacy.fingerprints import candidates
from avatarflow.runtime import step

with step(snakemake):
    candidates(
        snakemake.input.candidates,
        snakemake.input.encoder,
        snakemake.params.compute,
        fingerprints=snakemake.output.fingerprints,
    )
