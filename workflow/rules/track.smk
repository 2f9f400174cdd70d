# Reads: the run records of all jobs (results/records/). Writes: results/mlflow/, or the MLflow server that the config names.
# Config: tracking. One serial step: jobs never write to the store themselves. The handlers call the same import after failures.

from avatarflow.runs.closing_lines import closing_lines
from avatarflow.runs.orphans import cancel_orphans
from avatarflow.runs.purging import purge_after_run
from avatarflow.runs.tracking import forget_failed_import, import_in_subprocess


onstart:  # this run holds the lock by now, so that jobs of an earlier one in the queue are nobody's
    try:
        if orphans := cancel_orphans(Path.cwd()):
            logger.warning(
                f"a killed run left Slurm jobs behind; cancelled: {', '.join(orphans)}"
            )
    except AvatarflowError as error:
        raise WorkflowError(str(error)) from None


onsuccess:
    purge_after_run(config)
    forget_failed_import(Path("results/mlflow/imported.json"))
    entries, refused = closing_lines(config)
    for line in entries:
        logger.info(line)
    if refused and config["fail_on_refusal"]:
        raise WorkflowError(f"{refused} entries were not released; see the lines above")


onerror:  # failed jobs appear in MLflow too; a successful run imports its records in rule track
    import_in_subprocess(config["tracking"]["uri"])


rule track:
    """Show in MLflow how everything came about: one experiment per config entry, one run per job."""
    input:
        finals=final_outputs(),
    output:
        index="results/mlflow/imported.json",
    log:
        "logs/track.log",
    benchmark:
        "results/benchmarks/track.tsv"
    conda:
        "../../envs/tracking.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.runs.tracking"),
    script:
        "../scripts/track.py"
