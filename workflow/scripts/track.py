"""Rule track: the run records of all jobs, in MLflow."""

from pathlib import Path

from avatarflow.runs.context import step
from avatarflow.runs.tracking import import_whole_results

with step(snakemake) as run:
    run.info("behind %d results", len(snakemake.input.finals))
    # not a parameter of the rule: an address may hold a password, and Snakemake keeps parameters in its metadata
    import_whole_results(Path(snakemake.output.index), snakemake.config["tracking"]["uri"], run)
