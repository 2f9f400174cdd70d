"""The riskiest released pictures beside the originals they come nearest to: for the privacy officer's eyes only.

The picture shows originals, so it is written outside the release folder and never becomes an artifact of a run.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from avatarflow.core.paths import replacing
from avatarflow.imaging.sheet import contact_sheet

from .evaluation import accepted
from .samples import Sample

PER_LINE = 4


def nearest_pairs(
    pool: Sample, samples: Sample, decisions: pd.DataFrame, count: int, path: str | Path
) -> None:
    """Draw the accepted pictures of smallest risk, each left of its matched original.

    Parameters
    ----------
    pool : Sample
        Originals with `row`, the 1-based row of the manifest.
    samples : Sample
        Candidates with `candidate`.
    decisions : table
        As CONE.md's contract; `matched_original` is a manifest row.
    count : int
        How many pairs at most.
    path : path
        The `.png` to write; a blank picture where nothing was accepted.
    """
    kept = accepted(samples, decisions)
    order = np.argsort(kept.table["risk"].to_numpy(), kind="stable")[:count]
    riskiest = kept.where(order)
    places = {row: place for place, row in enumerate(pool.table["row"])}
    pictures, captions = [], []
    for picture, risk, row in zip(
        riskiest.pictures, riskiest.table["risk"], riskiest.table["matched_original"], strict=True
    ):
        if row in places:
            pictures += [picture, pool.pictures[places[row]]]
            captions += [f"risk {risk:.2f}", f"row {int(row)}"]
    if not pictures:
        pictures, captions = [np.full(pool.pictures.shape[1:], 255, np.uint8)], ["none"]
    with replacing(path) as temporary:
        contact_sheet(np.stack(pictures), 2 * PER_LINE, captions).save(temporary, "PNG")


def nearest_pairs_of(pool: str, samples: str, decisions: str, count: int, pairs: str) -> None:
    """`nearest_pairs` from files to a file."""
    nearest_pairs(Sample.read(pool), Sample.read(samples), pd.read_parquet(decisions), count, pairs)
