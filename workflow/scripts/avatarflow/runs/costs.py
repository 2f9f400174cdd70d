"""What rules took, from `benchmark:` files and run records: one table, one picture, to size requests with.

`make costs` writes results/costs.tsv and results/costs.png.
"""

import logging
import math
import re
from pathlib import Path

import pandas as pd

from avatarflow.core.paths import write_figure
from avatarflow.core.tables import write_table

from .history import read_records
from .records import FOLDER

log = logging.getLogger(__name__)
TABLE, PICTURE = Path("results/costs.tsv"), Path("results/costs.png")
SPARE_MEMORY, SPARE_TIME = 1.5, 2.0  # what a request should have beyond the largest that was seen
STEP_MB, LEAST_MB = 500, 1000  # a job's own Snakemake takes 190 MB


def measured(benchmarks: Path) -> pd.DataFrame:
    """Return one row per job: `rule`, `wall_s`, `memory_mb`; empty where nothing ran.

    Parameters
    ----------
    benchmarks : Path
        The folder of `benchmark:` files, named `<rule>.<wildcards>.tsv` (a contract of the rules).
    """
    rows = []
    for path in sorted(benchmarks.rglob("*.tsv")):
        table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
        if {"s", "max_rss"} <= set(table.columns):
            rule = re.split(r"\.", path.name)[0]
            rows += [
                {"rule": rule, "wall_s": s, "memory_mb": mb}
                for s, mb in zip(table["s"], table["max_rss"], strict=True)
            ]
    return pd.DataFrame(rows, columns=["rule", "wall_s", "memory_mb"])


def gpu_memory(records: Path) -> "pd.Series[float]":
    """Return the most GPU memory in MB that a job of each rule held, where a job used a GPU."""
    used = [
        (one.fields["kind"], one.fields["gpu_peak_mb"])
        for one in read_records(records)
        if "gpu_peak_mb" in one.fields
    ]
    return pd.DataFrame(used, columns=["rule", "mb"]).groupby("rule")["mb"].max()


def summary(jobs: pd.DataFrame, gpu: "pd.Series[float]") -> pd.DataFrame:
    """Return one row per rule, the longest first, with what to ask for.

    Returns
    -------
    DataFrame
        `rule`, `jobs`, `median_s`, `longest_s`, `memory_mb` (largest; NaN where jobs were too short to be sampled),
        `gpu_mb`, `ask_mb`, `ask_min`.
    """
    groups = jobs.groupby("rule")
    table = pd.DataFrame(
        {
            "jobs": groups.size(),
            "median_s": groups["wall_s"].median().round(1),
            "longest_s": groups["wall_s"].max().round(1),
            "memory_mb": groups["memory_mb"].max().round(0),
        }
    )
    table["gpu_mb"] = gpu.reindex(table.index)
    table["ask_mb"] = [_ask_mb(mb) for mb in table["memory_mb"]]
    table["ask_min"] = [max(5, math.ceil(SPARE_TIME * s / 60)) for s in table["longest_s"]]
    return table.sort_values("longest_s", ascending=False).reset_index()


def _ask_mb(seen_mb: float) -> int:
    return (
        LEAST_MB
        if math.isnan(seen_mb)
        else max(LEAST_MB, math.ceil(SPARE_MEMORY * seen_mb / STEP_MB) * STEP_MB)
    )


def picture(jobs: pd.DataFrame, path: Path) -> None:
    """Time against memory, one dot per job, one colour per rule, both axes logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    for rule, rows in jobs.dropna().groupby("rule"):
        axes.scatter(rows["wall_s"], rows["memory_mb"], label=rule, s=18)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="wall time of a job in s",
        ylabel="largest resident memory in MB",
    )
    if axes.has_data():
        figure.legend(loc="outside right upper", fontsize="small")
    write_figure(path, figure, dpi=120)


def main() -> None:
    """Write the table and the picture of the working directory's runs, and show the table."""
    jobs = measured(Path("results/benchmarks"))
    if jobs.empty:
        log.info("results/benchmarks/: no job was measured yet; run the workflow first")
        return
    table = summary(jobs, gpu_memory(FOLDER))
    write_table(table, TABLE)
    picture(jobs, PICTURE)
    log.info("%s", table.to_string(index=False))
    log.info(
        "written to %s and %s; put what you ask for into profiles/slurm/config.yaml", TABLE, PICTURE
    )


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    main()
