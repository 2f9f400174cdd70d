"""Scores of removal tools on reads whose truth is known, by sequencing error and variation."""

from typing import Any

import pandas as pd

from .interface import Item, Request, estimate, picture

EVERYTHING, OK = "all", "ok"


def make(request: Request) -> Item:
    """Show which share of the human and of the other reads each tool gets right."""
    files = request.files[0]
    scores = pd.read_csv(files["scores"], sep="\t")
    scores = scores[scores["stratum"] == EVERYTHING]
    rows = [
        [
            f"{row['tool']} {row['setting']}",
            _level(row["error"]),
            _level(row["variation"]),
            row["status"],
            _share(row, "sensitivity", ("tp", "fn")),
            _share(row, "specificity", ("tn", "fp")),
        ]
        for row in scores.to_dict("records")
    ]
    return Item(
        ["tool", "sequencing error", "variation", "run", "human reads removed", "other reads kept"],
        3,
        rows,
        picture(files["picture"]),
        f"Share of human reads that each removal tool removes over the sequencing error, 95 % intervals "
        f"({request.names[0]}).",
        [
            "A read is what a tool calls: a pair of reads where they come in pairs. Which of them are human is known.",
        ],
    )


def _level(value: Any) -> str:
    """Return a level as text, since it names a row; none of a user's reads."""
    return "-" if pd.isna(value) else f"{value:g}"


def _share(row: dict[Any, Any], name: str, counted: tuple[str, str]) -> dict[str, Any] | None:
    """Return a share with its interval, of as many reads as two counts have together."""
    if row["status"] != OK:
        return None
    fields = {"value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]}
    return estimate({**fields, "n": sum(row[count] for count in counted)})
