"""Scores of read removal against the truth: one row per tool, setting, error, variation and stratum."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from avatarflow.core.arrays import Mask
from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json
from avatarflow.core.statistics import cluster_interval, wilson_or_exact
from avatarflow.core.tables import write_table
from avatarflow.reads.genomes.regions import Regions
from avatarflow.reads.removal.run import OK
from avatarflow.reads.simulation.mixture import HOST, JUNK

from .strata import COLUMNS as STRATA_COLUMNS
from .strata import strata

COLUMNS = [
    "tool", "setting", "error", "variation", "stratum", "fragments", "tp", "fp", "tn", "fn",
    "sensitivity", "sensitivity_low", "sensitivity_high", "specificity", "specificity_low", "specificity_high",
    "index_s", "run_s", "peak_mb", "status", "removed", "precision", "precision_low", "precision_high", "f1", "mcc",
    "sensitivity_cluster_low", "sensitivity_cluster_high", "specificity_cluster_low", "specificity_cluster_high",
    "worst_taxon", "worst_taxon_specificity",
    "index_cpu_s", "run_cpu_s", "index_peak_mb", "run_peak_mb", "version",
]  # fmt: skip
# of the draws of clusters: the same for all, so that tools differ by their calls alone
CLUSTER_SEED = 1
CELL = ["tool", "setting", "error", "variation"]
SHARES = {"sensitivity": ("tp", "fn"), "specificity": ("tn", "fp"), "precision": ("tp", "fp")}


def counts(human: Mask, removed: Mask) -> dict[str, int]:
    """Fragments, and tp, fp, tn, fn with human as positive."""
    tp, fp = int((human & removed).sum()), int((~human & removed).sum())
    fn = int((human & ~removed).sum())
    return {"fragments": len(human), "tp": tp, "fp": fp, "tn": len(human) - tp - fp - fn, "fn": fn}


def rates(count: Mapping[str, int]) -> dict[str, float]:
    """Counts with shares, intervals, F1 and MCC; NaN where a share is of nothing.

    Precision, F1 and MCC depend on the mixture's host share; sensitivity and specificity do not.
    """
    named: dict[str, float] = {**count, "removed": count["tp"] + count["fp"]}
    for name, (hits, misses) in SHARES.items():
        named.update(wilson_or_exact(count[hits], count[hits] + count[misses]).fields(name))
    tp, fp, tn, fn = (count[key] for key in ("tp", "fp", "tn", "fn"))
    named["f1"] = 2 * tp / (2 * tp + fp + fn) if tp + fn and tp + fp + fn else float("nan")
    spread = float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    named["mcc"] = (tp * tn - fp * fn) / spread**0.5 if spread else float("nan")
    return named


def paired_with_truth(truth: pd.DataFrame, calls: pd.DataFrame, where: str) -> pd.DataFrame:
    """The truth with the columns `mate1`, `mate2` and `removed`.

    Raises
    ------
    AvatarflowError
        If the tool gave no call for a fragment, or one for a fragment that is not there.
    """
    joined = truth.merge(calls, on="fragment", how="left", validate="one_to_one")
    missing, strange = (
        int(joined["removed"].isna().sum()),
        len(calls) - int(joined["removed"].notna().sum()),
    )
    if missing or strange:
        found = f"{missing} fragments without call, {strange} unknown ones"
        raise refuse(where, found, "see the log of the removal rule")
    columns = [name for name in ("mate1", "mate2", "removed") if name in joined]
    return joined.astype(dict.fromkeys(columns, bool))


def calls_with_truth(cell: Mapping[str, Any], columns: Sequence[str]) -> pd.DataFrame | None:
    """Return columns of the truth beside the calls of a cell, donor after donor; None where the tool failed for one."""
    parts = []
    for run in cell["runs"]:
        if read_json(run["usage"])["status"] != OK:
            return None
        truth = pq.read_table(run["truth"], columns=["fragment", *columns]).to_pandas()
        calls = pq.read_table(run["calls"]).to_pandas()
        parts.append(paired_with_truth(truth, calls, str(cell["tool"])))
    return pd.concat(parts, ignore_index=True)


def score_cell(
    cell: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], regions: Regions | None = None
) -> pd.DataFrame:
    """Rows of one tool, setting, error and variation.

    Parameters
    ----------
    cell : mapping
        `tool`, `setting`, `error`, `variation`, `index` (path of the index's usage).
    runs : sequence of mapping
        One per donor: `donor` and the paths `truth`, `calls`, `usage`. Donors are counted together; where the tool
        failed for one of them, all numbers but `fragments` are NaN, because the rest would be another question.
    regions : Regions, optional
        Classes of places on the host.
    """
    usages = [read_json(run["usage"]) for run in runs]
    trouble = next((usage["status"] for usage in usages if usage["status"] != OK), None)
    parts = []
    for run in runs:
        known = [
            column for column in STRATA_COLUMNS if column in pq.read_schema(run["truth"]).names
        ]
        truth = pq.read_table(run["truth"], columns=known).to_pandas().assign(donor=run["donor"])
        if trouble is None:
            calls = pq.read_table(run["calls"]).to_pandas()
            truth = paired_with_truth(truth, calls, f"{cell['tool']} {cell['setting']}")
        parts.append(truth)
    table = pd.concat(parts, ignore_index=True)
    same = {**{key: cell[key] for key in CELL}, "status": trouble or OK}
    if trouble is None:
        same |= timing(read_json(cell["index"]), usages)
    return pd.DataFrame([{**same, **row} for row in rows_of(table, regions)], columns=COLUMNS)


def rows_of(table: pd.DataFrame, regions: Regions | None = None) -> Iterator[dict[str, Any]]:
    """One row per stratum; without calls, only what was asked. Junk counts in its own stratum alone."""
    human, junk = ((table["source"] == source).to_numpy() for source in (HOST, JUNK))
    for name, stratum in strata(table, regions):
        rows = stratum if name == f"taxon:{JUNK}" else stratum & ~junk
        if "removed" in table:
            more = clustered(table[rows])
            if name != "all":
                more = {key: value for key, value in more.items() if not key.startswith("worst")}
            yield {
                "stratum": name,
                **rates(counts(human[rows], table["removed"].to_numpy()[rows])),
                **more,
            }
        else:
            yield {"stratum": name, "fragments": int(rows.sum())}


def clustered(table: pd.DataFrame) -> dict[str, Any]:
    """Intervals over donors (sensitivity) and microbial genomes (specificity), and the genome that loses most."""
    human = table["source"] == HOST
    donors = table[human].groupby("donor")["removed"].agg(["sum", "count"])
    genomes = (~table[~human].set_index("taxon")["removed"]).groupby(level=0).agg(["sum", "count"])
    found: dict[str, Any] = {}
    for name, part in (("sensitivity", donors), ("specificity", genomes)):
        ends = cluster_interval(part["sum"].to_list(), part["count"].to_list(), CLUSTER_SEED)
        found |= {
            f"{name}_cluster_{end}": value for end, value in zip(("low", "high"), ends, strict=True)
        }
    if len(genomes):
        kept = genomes["sum"] / genomes["count"]
        found |= {"worst_taxon": str(kept.idxmin()), "worst_taxon_specificity": float(kept.min())}
    return found


def timing(index: Mapping[str, Any], usages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What index and runs took: wall and CPU seconds (runs added up), largest process in MB, and the tool's version."""
    run_peak = max(usage["peak_mb"] for usage in usages)
    return {
        "index_s": index["seconds"],
        "run_s": sum(usage["seconds"] for usage in usages),
        "peak_mb": max(run_peak, index["peak_mb"]),
        "index_cpu_s": index["cpu_s"],
        "run_cpu_s": sum(usage["cpu_s"] for usage in usages),
        "index_peak_mb": index["peak_mb"],
        "run_peak_mb": run_peak,
        "version": usages[0]["version"],
    }


def write_scores(
    cells: Sequence[Mapping[str, Any]], output: str | Path, regions: str | Path | None = None
) -> pd.DataFrame:
    """Score every cell (`score_cell`'s mapping with its `runs`) and write the table; NA where a share is of nothing.

    `regions`: the table of classes of places, where it is known which place fragments come from.
    """
    places = None if regions is None else Regions.read(regions)
    tables = [score_cell(cell, cell["runs"], places).astype(object) for cell in cells]
    table = pd.concat(tables, ignore_index=True).infer_objects()
    write_figures(table, output)
    return table


def level_name(error: Any, variation: Any) -> str:
    """A level of the grid in a name, ` e0.01 v0.001`; nothing for a user's reads, of which nobody knows it."""
    return "" if pd.isna(error) or pd.isna(variation) else f" e{error:g} v{variation:g}"


def write_figures(table: pd.DataFrame, output: str | Path) -> None:
    """Write a TSV: times and memory to three places, whole counts as such, NA where there is nothing."""
    measured = [column for column in table.columns if column.endswith(("_s", "_mb"))]
    counted = [name for name in ("tp", "fp", "tn", "fn", "removed", "fragments") if name in table]
    shown = table.astype(dict.fromkeys(measured, float) | dict.fromkeys(counted, "Int64"))
    write_table(shown.round(dict.fromkeys(measured, 3)), output)
