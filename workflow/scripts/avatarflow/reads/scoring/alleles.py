"""Are the fragments that a tool misses those that show the donor's variants? Then removal leaves what identifies."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from avatarflow.reads.simulation.mixture import HOST

from .score import CELL, calls_with_truth, write_figures

Z = 1.959963984540054
COLUMNS = [
    *CELL, "stratum", "missed", "removed", "missed_with_variant", "removed_with_variant",
    "odds_ratio", "odds_ratio_low", "odds_ratio_high", "variants_per_missed", "variants_per_removed",
]  # fmt: skip


def odds_ratio(a: int, b: int, c: int, d: int) -> tuple[float, float, float]:
    """Odds ratio a d / (b c) of a 2 x 2 table with its 95 % interval, half a count added everywhere.

    References
    ----------
    Haldane 1956 and Anscombe 1956 (the half); Woolf 1955 (the interval).
    """
    cells = [count + 0.5 for count in (a, b, c, d)]
    log = math.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    reach = Z * math.sqrt(sum(1 / count for count in cells))
    return math.exp(log), math.exp(log - reach), math.exp(log + reach)


def allele_bias(cell: Mapping[str, Any]) -> pd.DataFrame:
    """One row for all human fragments of a cell, and one per part of the genome.

    `odds_ratio` above 1: fragments that show a variant allele of the donor in a read are missed more often than others.
    """
    schema = pq.read_schema(cell["runs"][0]["truth"])
    known = "variants" in schema.names  # not of a user's own reads
    table = calls_with_truth(cell, ["source", "part", "variants"]) if known else None
    if table is None:
        return pd.DataFrame(columns=COLUMNS)
    table = table[table["source"] == HOST]
    names = sorted(set(table["part"]))
    strata = [
        ("all", table),
        *((f"part:{name}", table[table["part"] == name]) for name in names if len(names) > 1),
    ]
    return pd.DataFrame(
        [
            {**{key: cell[key] for key in CELL}, "stratum": name, **_row(part)}
            for name, part in strata
        ]
    )


def _row(table: pd.DataFrame) -> dict[str, Any]:
    gone, variants = table["removed"].to_numpy(bool), table["variants"].to_numpy()
    carries = variants > 0
    missed, removed = int((~gone & carries).sum()), int((gone & carries).sum())
    plain_missed, plain_removed = int((~gone & ~carries).sum()), int((gone & ~carries).sum())
    ratio = odds_ratio(missed, plain_missed, removed, plain_removed)
    both = (missed + removed) * (plain_missed + plain_removed) * (missed + plain_missed)
    values = ratio if both else (math.nan,) * 3  # nothing to compare
    return {
        "missed": missed + plain_missed,
        "removed": removed + plain_removed,
        "missed_with_variant": missed,
        "removed_with_variant": removed,
        **dict(zip(("odds_ratio", "odds_ratio_low", "odds_ratio_high"), values, strict=True)),
        "variants_per_missed": _mean(variants[~gone]),
        "variants_per_removed": _mean(variants[gone]),
    }


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def write_allele_bias(cells: Sequence[Mapping[str, Any]], output: str | Path) -> None:
    """Write `allele_bias` of every cell whose tool ran."""
    tables = [table for table in map(allele_bias, cells) if len(table)]
    write_figures(
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS), output
    )
