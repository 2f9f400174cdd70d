"""Rule track: the run records of all jobs, in MLflow."""

from pathlib import Path

from avatarflow.runtime import step
from avatarflow.tracking import import_whole_results

with step(snakemake) as run:
    run.info("behind %d results", len(snakemake.input.finals))
    import_whole_results(Path(snakemake.output.index), snakemake.params.uri, run)
