"""What tools say of reads of which nobody knows the truth: how many they call human, and how far they agree.

Nothing here is a sensitivity: tools that agree may all be wrong.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from avatarflow.core.arrays import Mask
from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json
from avatarflow.core.statistics import wilson_or_exact
from avatarflow.reads.removal.run import OK

from .score import timing, write_figures

CALLS = [
    "tool", "setting", "status", "fragments", "called_human", "share", "share_low", "share_high", "called_by_no_other",
    "missed_by_this_alone", "index_s", "run_s", "peak_mb", "version",
]  # fmt: skip
PAIRS = [
    "tool_a", "tool_b", "fragments", "both", "only_a", "only_b", "neither", "agreement", "jaccard", "kappa",
]  # fmt: skip


def called(cells: Sequence[Mapping[str, Any]]) -> dict[str, Mask]:
    """Tool and setting to which fragments it calls human, for the tools that ran; all on the same fragments.

    Raises
    ------
    AvatarflowError
        If two tools were given different fragments.
    """
    found: dict[str, Mask] = {}
    names: Any = None
    for cell in cells:
        (run,) = cell["runs"]
        if read_json(run["usage"])["status"] != OK:
            continue
        table = pq.read_table(run["calls"], columns=["fragment", "removed"])
        if names is not None and not table.column("fragment").equals(names):
            raise refuse(
                f"{cell['tool']} {cell['setting']}",
                "calls on other fragments",
                "remove the reads again",
            )
        names = table.column("fragment")
        found[f"{cell['tool']} {cell['setting']}"] = table.column("removed").to_numpy(
            zero_copy_only=False
        )
    return found


def calls(cells: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per tool; NA where it could not run, or where no other tool ran.

    `called_human` with its `share` and 95 % interval; `called_by_no_other`: of them, those that no other tool calls so;
    `missed_by_this_alone`: fragments that every other tool calls human.
    """
    masks = called(cells)
    votes = np.sum([*masks.values()], axis=0) if masks else np.zeros(0, int)
    rows = []
    for cell in cells:
        usage = read_json(cell["runs"][0]["usage"])
        row: dict[str, Any] = {
            "tool": cell["tool"],
            "setting": cell["setting"],
            "status": usage["status"],
        }
        mask = masks.get(f"{cell['tool']} {cell['setting']}")
        if mask is not None:
            hits = int(mask.sum())
            row |= {"fragments": len(mask), "called_human": hits}
            row |= wilson_or_exact(hits, len(mask)).fields("share")
            if len(masks) > 1:
                row["called_by_no_other"] = int((mask & (votes == 1)).sum())
                row["missed_by_this_alone"] = int((~mask & (votes == len(masks) - 1)).sum())
            used = timing(read_json(cell["index"]), [usage])
            row |= {key: used[key] for key in ("index_s", "run_s", "peak_mb", "version")}
        rows.append(row)
    return pd.DataFrame(rows, columns=CALLS)


def pairs(cells: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per pair of tools.

    The four counts; `agreement`: share judged alike; `jaccard`: of those that one of them calls human, the share that
    both do; `kappa`: agreement beyond chance.

    References
    ----------
    Jaccard 1901; Cohen 1960, Educational and Psychological Measurement 20:37.
    """
    rows = []
    for (name_a, a), (name_b, b) in combinations(called(cells).items(), 2):
        both, only_a, only_b = int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum())
        n, either = len(a), both + only_a + only_b
        alike = (n - only_a - only_b) / n
        chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
        kappa = (alike - chance) / (1 - chance) if chance < 1 else np.nan
        jaccard = both / either if either else np.nan
        rows.append((name_a, name_b, n, both, only_a, only_b, n - either, alike, jaccard, kappa))
    return pd.DataFrame(rows, columns=PAIRS)


def write_agreement(
    cells: Sequence[Mapping[str, Any]], counts: str | Path, agreement: str | Path
) -> None:
    """Write `calls` and `pairs`."""
    whole = ("called_human", "called_by_no_other", "missed_by_this_alone")
    write_figures(calls(cells).astype(dict.fromkeys(whole, "Int64")), counts)
    write_figures(pairs(cells), agreement)
