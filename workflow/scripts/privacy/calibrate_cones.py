"""Rule calibrate_cones: the cones of an entry, and what they do to persons who did not calibrate them."""

from avatarflow.privacy.cones.calibration import calibrate_entry
from avatarflow.runs.context import step

with step(snakemake) as run:
    calibrate_entry(
        {
            "pool": snakemake.input.pool,
            "encoder": snakemake.input.encoder,
            "originals": snakemake.input.originals,
            "own": snakemake.input.own,
            "calibration": snakemake.input.calibration,
            "test": snakemake.input.test,
            "seen": snakemake.input.seen,
            "trial": snakemake.input.get("trial", ""),
            "canaries": snakemake.input.get("canaries", ""),
            "canaries_fingerprints": snakemake.input.get("canaries_fingerprints", ""),
            "canaries_own": snakemake.input.get("canaries_own", ""),
        },
        snakemake.params.cone,
        seed=snakemake.params.seed,
        outputs={
            "cones": snakemake.output.cones,
            "risks": snakemake.output.risks,
            "calibrated": snakemake.output.calibrated,
            "plane": snakemake.output.plane,
        },
        step=run,
    )
