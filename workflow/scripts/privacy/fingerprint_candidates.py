"""Rule fingerprint_candidates: fingerprints of the pictures to be judged."""

from avatarflow.privacy.fingerprints.step import candidates
from avatarflow.runs.context import step

with step(snakemake):
    candidates(
        snakemake.input.candidates,
        snakemake.input.encoder,
        snakemake.params.compute,
        fingerprints=snakemake.output.fingerprints,
    )
