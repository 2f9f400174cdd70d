"""Foreign candidates of an audit: every row stays, readable or not, so that every row gets a decision."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.errors import refuse
from avatarflow.core.paths import write_json
from avatarflow.imaging.shards import write_shards
from avatarflow.imaging.spool import Chosen, Spool
from avatarflow.runs.context import Step

from .reading import read_all, refuse_missing_root
from .refusals import label_columns
from .sizes import summary_of_sizes
from .tables.manifest import ROW, read_manifest
from .tables.text_table import FILE

UNREADABLE = "not readable"


def take_in_candidates(
    entry: dict[str, Any],
    manifest: str,
    root: str,
    processes: int,
    pictures: str,
    summary: str,
    step: Step,
) -> None:
    """Write the candidates as shards in manifest order.

    Columns: `candidate` (the manifest's `file` verbatim), `reason`, empty where the picture was read, and the label
    columns of the entry, empty where the manifest has none or another value; unreadable pictures hold a black
    placeholder that is never fingerprinted.

    Parameters
    ----------
    summary : str
        The JSON of counts to write: `candidates`, `unreadable` (per reason), `sizes`, `labels` (per column how many
        candidates have one) and `strange_labels` (per column how many have a value that is not in the list).

    Raises
    ------
    AvatarflowError
        For a manifest that cannot be used, or where not one picture can be read.
    """
    refuse_missing_root(root)
    rows = read_manifest(manifest, [])
    Path(pictures).parent.mkdir(parents=True, exist_ok=True)
    spool = Spool(Path(pictures).parent, entry["size_px"])
    places, _, sizes, reasons = read_all(rows, root, entry, processes, step, spool.append)
    if not places:
        found = ", ".join(
            f"{count} x {reason}" for reason, count in sorted(Counter(reasons.values()).items())
        )
        raise refuse(
            "candidates",
            f"none of {len(rows)} can be read ({found})",
            "check candidates.root and the files",
        )
    blank = spool.append(np.zeros((entry["size_px"], entry["size_px"], 3), np.uint8))
    stored = Chosen(spool, [places.get(int(row), blank) for row in rows[ROW]])
    labels, strange = labels_of(rows, label_columns(entry))
    table = pd.DataFrame(
        {
            "candidate": rows[FILE].fillna("").to_numpy(),
            "reason": [
                f"{UNREADABLE}: {reasons[row]}" if row in reasons else "" for row in rows[ROW]
            ],
            **labels,
        }
    )
    step.info("%d candidates, %d of them not readable", len(rows), len(reasons))
    counts = {
        "candidates": len(rows),
        "unreadable": dict(Counter(reasons.values())),
        "sizes": summary_of_sizes(sizes.values(), entry["size_px"]),
        "labels": {column: int(values.notna().sum()) for column, values in labels.items()},
        "strange_labels": strange,
    }
    write_shards(pictures, stored, table)
    write_json(summary, counts)


def labels_of(
    rows: pd.DataFrame, columns: dict[str, list[str]]
) -> tuple[dict[str, "pd.Series[Any]"], dict[str, int]]:
    """Labels of the candidates, None where there is none of the list, and how many had another one, per column."""
    labels, strange = {}, {}
    for column, values in columns.items():
        given = (
            rows[column] if column in rows.columns else pd.Series([None] * len(rows), dtype=object)
        )
        listed = given.isin(values)
        labels[column] = given.where(listed, None).astype(object).reset_index(drop=True)
        strange[column] = int((given.notna() & ~listed).sum())
    return labels, strange
