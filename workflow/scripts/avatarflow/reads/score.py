"""Scores of read removal against the truth: counts, sensitivity and specificity with Wilson intervals, by stratum."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from ..errors import refuse
from ..paths import replacing
from .mixture import HOST

Z = 1.959963984540054  # 97.5 % quantile of the normal law: two-sided 95 %
COLUMNS = [
    "tool", "setting", "error", "variation", "stratum", "fragments", "tp", "fp", "tn", "fn",
    "sensitivity", "sensitivity_low", "sensitivity_high", "specificity", "specificity_low", "specificity_high",
    "index_s", "run_s", "peak_mb",
]  # fmt: skip
CELL = ["tool", "setting", "error", "variation"]

Mask = npt.NDArray[np.bool_]


def wilson(hits: int, total: int) -> tuple[float, float, float]:
    """A share and its 95 % Wilson interval; three NaN when there was nothing to count.

    References
    ----------
    Wilson 1927, J. Am. Stat. Assoc. 22:209.
    """
    if not total:
        return float("nan"), float("nan"), float("nan")
    share = hits / total
    centre = share + Z * Z / (2 * total)
    half = Z * float(np.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total)))
    scale = 1 + Z * Z / total
    low, high = (centre - half) / scale, (centre + half) / scale
    return share, 0.0 if hits == 0 else low, 1.0 if hits == total else high


def counts(human: Mask, removed: Mask) -> dict[str, int]:
    """Fragments, and tp, fp, tn, fn with human as positive."""
    tp, fp = int((human & removed).sum()), int((~human & removed).sum())
    fn = int((human & ~removed).sum())
    return {"fragments": len(human), "tp": tp, "fp": fp, "tn": len(human) - tp - fp - fn, "fn": fn}


def paired_with_truth(truth: pd.DataFrame, verdicts: pd.DataFrame, where: str) -> pd.DataFrame:
    """The truth with a `removed` column.

    Raises
    ------
    AvatarflowError
        If the tool gave no verdict for a fragment, or one for a fragment that is not there.
    """
    joined = truth.merge(verdicts[["fragment", "removed"]], on="fragment", how="left", validate="one_to_one")
    missing, strange = int(joined["removed"].isna().sum()), len(verdicts) - int(joined["removed"].notna().sum())
    if missing or strange:
        found = f"{missing} fragments without verdict, {strange} unknown ones"
        raise refuse(where, found, "see the log of the removal rule")
    return joined.assign(removed=joined["removed"].astype(bool))


def strata(table: pd.DataFrame) -> Iterator[tuple[str, Mask]]:
    """Names and rows: everything; each taxon; where there are several, each part of the genome and each donor."""
    yield "all", np.ones(len(table), bool)
    for column in ("taxon", "part", "donor"):
        values = table[column].to_numpy()
        names = [name for name in sorted(set(values)) if name]
        for name in names if column == "taxon" or len(names) > 1 else []:
            yield f"{column}:{name}", np.asarray(values == name)


def score_cell(cell: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of one tool, setting, error and variation.

    Parameters
    ----------
    cell : mapping
        `tool`, `setting`, `error`, `variation`, `index` (path of the index's usage).
    runs : sequence of mapping
        One per donor: `donor` and the paths `truth`, `verdicts`, `usage`. Donors are counted together.
    """
    parts = []
    for run in runs:
        truth = pq.read_table(run["truth"], columns=["fragment", "source", "taxon", "part"]).to_pandas()
        verdicts = pq.read_table(run["verdicts"]).to_pandas()
        parts.append(paired_with_truth(truth, verdicts, f"{cell['tool']} {cell['setting']}").assign(donor=run["donor"]))
    table = pd.concat(parts, ignore_index=True)
    human, removed = (table["source"] == HOST).to_numpy(), table["removed"].to_numpy()
    index, usages = _read(cell["index"]), [_read(run["usage"]) for run in runs]
    timing = {
        "index_s": index["seconds"],
        "run_s": sum(usage["seconds"] for usage in usages),
        "peak_mb": max(usage["peak_mb"] for usage in [index, *usages]),
    }
    rows = [
        {**{key: cell[key] for key in CELL}, "stratum": name, **_rates(counts(human[rows], removed[rows])), **timing}
        for name, rows in strata(table)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rates(count: dict[str, int]) -> dict[str, float]:
    named: dict[str, float] = dict(count)
    for name, hits, misses in (("sensitivity", "tp", "fn"), ("specificity", "tn", "fp")):
        share = wilson(count[hits], count[hits] + count[misses])
        named.update(zip((name, f"{name}_low", f"{name}_high"), share, strict=True))
    return named


def _read(path: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return record


def write_scores(cells: Sequence[Mapping[str, Any]], output: str | Path) -> pd.DataFrame:
    """Score every cell (`score_cell`'s mapping with its `runs`) and write the table; NA where a share is of nothing."""
    table = pd.concat([score_cell(cell, cell["runs"]) for cell in cells], ignore_index=True)
    timed = {column: table[column].round(3) for column in ("index_s", "run_s", "peak_mb")}
    with replacing(output) as path:
        table.assign(**timed).to_csv(path, sep="\t", index=False, na_rep="NA", float_format="%.6g")
    return table
