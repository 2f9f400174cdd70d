"""Rule track: the run records of all jobs, in MLflow."""

from pathlib import Path

from avatarflow.runtime import step
from avatarflow.tracking import import_records

with step(snakemake) as run:
    counts = import_records(store=Path(snakemake.output.index).parent, tracking_uri=snakemake.params.uri)
    run.info("behind %d results: imported %d runs", len(snakemake.input.finals), counts["imported"])
    run.info("%d were there before, %d still run", counts["unchanged"], counts["running"])
