"""Tools against each other on the same fragments: McNemar's exact test, corrected for the number of pairs."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Mask
from avatarflow.reads.simulation.mixture import HOST, JUNK

from .score import calls_with_truth, write_figures

COLUMNS = [
    "error",
    "variation",
    "kind",
    "tool_a",
    "tool_b",
    "fragments",
    "only_a_right",
    "only_b_right",
    "p",
    "p_holm",
]


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p of the fragments that one of two tools got right and the other wrong; 1 when there are none.

    References
    ----------
    McNemar 1947, Psychometrika 12:153.
    """
    n, few = only_a + only_b, min(only_a, only_b)
    logs = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2)
        for k in range(few + 1)
    ]
    return min(1.0, 2 * math.fsum(math.exp(log) for log in logs))


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the order given.

    References
    ----------
    Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    corrected, worst = [0.0] * len(values), 0.0
    for rank, place in enumerate(np.argsort(values)):
        worst = max(worst, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = worst
    return corrected


def right_calls(cell: Mapping[str, Any]) -> tuple[Mask, Mask] | None:
    """Which fragments of a cell are human, and which the tool got right, donor after donor; None where it failed."""
    table = calls_with_truth(cell, ["source"])
    if table is None:
        return None
    table = table[table["source"] != JUNK]
    human = (table["source"] == HOST).to_numpy()
    return human, human == table["removed"].to_numpy()


def compare(cells: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per pair of tools, level of error and variation, and kind of fragment (human, microbe).

    `p_holm` is corrected over the pairs of one level and kind.
    """
    rows: list[dict[str, Any]] = []
    for level in dict.fromkeys((cell["error"], cell["variation"]) for cell in cells):
        here = [cell for cell in cells if (cell["error"], cell["variation"]) == level]
        known = {
            f"{cell['tool']} {cell['setting']}": calls
            for cell in here
            if (calls := right_calls(cell))
        }
        for kind in ("human", "microbe"):
            part = []
            for (name_a, (human, a)), (name_b, (_, b)) in combinations(known.items(), 2):
                chosen = human if kind == "human" else ~human
                only = int((a & ~b & chosen).sum()), int((~a & b & chosen).sum())
                row = dict(
                    zip(
                        COLUMNS,
                        (*level, kind, name_a, name_b, int(chosen.sum()), *only),
                        strict=False,
                    )
                )
                part.append({**row, "p": mcnemar(*only)})
            for row, value in zip(part, holm([row["p"] for row in part]), strict=True):
                rows.append({**row, "p_holm": value})
    return pd.DataFrame(rows, columns=COLUMNS)


def write_comparison(cells: Sequence[Mapping[str, Any]], output: str | Path) -> None:
    """Write `compare`'s table."""
    write_figures(compare(cells), output)
