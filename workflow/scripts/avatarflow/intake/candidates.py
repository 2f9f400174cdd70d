"""Foreign candidates of an audit: every row stays, readable or not, so that every row gets a verdict."""

from typing import Any

import numpy as np
import pandas as pd

from ..imaging.shards import write_shards
from ..paths import replacing_folder
from ..runtime import Step
from .manifest import FILE, ROW, read_manifest
from .pool import read_all

UNREADABLE = "not readable"


def take_in_candidates(
    entry: dict[str, Any], manifest: str, root: str, processes: int, pictures: str, step: Step
) -> None:
    """Write the candidates as shards in manifest order.

    Columns: `candidate` (the manifest's `file` verbatim) and `reason`, empty where the picture was read;
    unreadable ones hold a black placeholder that is never fingerprinted.
    """
    rows = read_manifest(manifest, [])
    read, _, reasons = read_all(rows, root, entry, processes, step)
    blank = np.zeros((entry["size_px"], entry["size_px"], 3), np.uint8)
    stacked = np.stack([read.get(int(row), blank) for row in rows[ROW]])
    table = pd.DataFrame(
        {
            "candidate": rows[FILE].fillna("").to_numpy(),
            "reason": [f"{UNREADABLE}: {reasons[row]}" if row in reasons else "" for row in rows[ROW]],
        }
    )
    step.info("%d candidates, %d of them not readable", len(rows), len(reasons))
    with replacing_folder(pictures) as folder:
        write_shards(folder, stacked, table)
