"""Rule calibrate_cones: the cones of an entry, and what they do to persons who did not calibrate them."""

from avatarflow.privacy.cones.calibration import calibrate_entry
from avatarflow.runs.context import step

with step(snakemake) as run:
    calibrate_entry(
        dict(snakemake.input),
        snakemake.params.cone,
        seed=snakemake.params.seed,
        outputs=dict(snakemake.output),
        step=run,
    )
