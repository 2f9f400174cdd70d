"""What the mate rule costs: a fragment removed when either of its mates is called human, or only when both are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.reads.simulation.mixture import HOST

from .mcnemar import mcnemar
from .score import CELL, calls_with_truth, counts, rates, write_figures

MICROBE = "microbe"
SHOWN = ["tp", "fp", "tn", "fn", "sensitivity", "sensitivity_low", "sensitivity_high",
         "specificity", "specificity_low", "specificity_high"]  # fmt: skip
COLUMNS = [*CELL, "mate_rule", "fragments", *SHOWN, "human_in_either_only", "microbe_in_either_only",
           "p_human", "p_microbe"]  # fmt: skip


def mate_rules(cell: Mapping[str, Any]) -> pd.DataFrame:
    """Two rows of a cell, `either` and `both`; none where the tool failed.

    `human_in_either_only`: human fragments of which one mate alone was called; `p_human` is McNemar's exact p of the
    two rules on the same fragments, and likewise for microbial ones. Tools that judge pairs say the same of both mates,
    as all do of single reads: their rows are equal.
    """
    table = calls_with_truth(cell, ["source"])
    if table is None:
        return pd.DataFrame(columns=COLUMNS)
    table = table[table["source"].isin([HOST, MICROBE])]
    human = (table["source"] == HOST).to_numpy()
    one, two = table["mate1"].to_numpy(bool), table["mate2"].to_numpy(bool)
    apart = {
        "human": int((human & (one != two)).sum()),
        "microbe": int((~human & (one != two)).sum()),
    }
    more: dict[str, float] = {f"{kind}_in_either_only": count for kind, count in apart.items()}
    more |= {f"p_{kind}": mcnemar(count, 0) for kind, count in apart.items()}
    rows = []
    for rule, removed in (("either", one | two), ("both", one & two)):
        found = rates(counts(human, np.asarray(removed)))
        same = {key: cell[key] for key in CELL}
        rows.append(
            {
                **same,
                "mate_rule": rule,
                "fragments": len(table),
                **{key: found[key] for key in SHOWN},
                **more,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def write_mate_rules(cells: Sequence[Mapping[str, Any]], output: str | Path) -> None:
    """Write `mate_rules` of every cell whose tool ran."""
    tables = [table for table in map(mate_rules, cells) if len(table)]
    write_figures(
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS), output
    )
