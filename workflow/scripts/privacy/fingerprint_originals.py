"""Rule fingerprint_originals: fingerprints of originals and of their perturbations."""

from avatarflow.privacy.fingerprints.step import originals
from avatarflow.runs.context import step

with step(snakemake) as run:
    originals(
        snakemake.input.pool,
        snakemake.input.encoder,
        snakemake.params.cone,
        snakemake.params.compute,
        seed=snakemake.params.seed,
        outputs={
            "originals": snakemake.output.originals,
            "own": snakemake.output.own,
            "calibration": snakemake.output.calibration,
            "test": snakemake.output.test,
            "seen": snakemake.output.seen,
        },
        step=run,
    )
