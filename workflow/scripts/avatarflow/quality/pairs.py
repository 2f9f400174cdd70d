"""The riskiest released pictures beside the originals they come nearest to: for the privacy officer's eyes only.

The picture shows originals, so it is written outside the release folder and never becomes an artifact of a run.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from avatarflow.core.arrays import Pictures
from avatarflow.core.paths import replacing
from avatarflow.imaging.sheet import contact_sheet

from .evaluation import accepted
from .samples import Sample

PER_LINE = 3
SIDE_PX = 160
"""Side of a picture on the sheet: smaller ones are enlarged, so that there is something to compare."""


def nearest_pairs(
    pool: Sample, samples: Sample, decisions: pd.DataFrame, count: int, path: str | Path
) -> None:
    """Draw the accepted pictures of smallest risk, the riskiest first, each left of its matched original.

    Under the picture stands its rank, its risk and its margin: by how many degrees it lies outside the nearest cone.

    Parameters
    ----------
    pool : Sample
        Originals with `row`, the 1-based row of the manifest.
    samples : Sample
        Candidates with `candidate`.
    decisions : table
        `candidate`, `accepted`, `risk`, `angle_rad`, `threshold_rad`, and `matched_original`, a manifest row.
    count : int
        How many pairs at most.
    path : path
        The `.png` to write; a blank picture where nothing was accepted.
    """
    kept = accepted(samples, decisions)
    order = np.argsort(kept.table["risk"].to_numpy(), kind="stable")[:count]
    riskiest = kept.where(order)
    outside_deg = np.degrees((decisions["angle_rad"] - decisions["threshold_rad"]).to_numpy())
    margins = dict(zip(decisions["candidate"], outside_deg, strict=True))
    places = {row: place for place, row in enumerate(pool.table["row"])}
    pictures, captions = [], []
    for rank, (picture, (_, row)) in enumerate(
        zip(riskiest.pictures, riskiest.table.iterrows(), strict=True), start=1
    ):
        if row["matched_original"] in places:
            pictures += [picture, pool.pictures[places[row["matched_original"]]]]
            captions += [
                f"{rank}: risk {row['risk']:.3f}, {margins[row['candidate']]:.2f} deg",
                f"original, row {int(row['matched_original'])}",
            ]
    if not pictures:
        pictures, captions = [np.full(pool.pictures.shape[1:], 255, np.uint8)], ["none"]
    with replacing(path) as temporary:
        contact_sheet(np.stack([enlarged(each) for each in pictures]), 2 * PER_LINE, captions).save(
            temporary, "PNG"
        )


def enlarged(picture: Pictures) -> Pictures:
    """Return a picture at `SIDE_PX` or more along its shorter side."""
    height, width = picture.shape[:2]
    times = max(1.0, SIDE_PX / min(height, width))
    size = (round(width * times), round(height * times))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def nearest_pairs_of(pool: str, samples: str, decisions: str, count: int, pairs: str) -> None:
    """`nearest_pairs` from files to a file."""
    nearest_pairs(Sample.read(pool), Sample.read(samples), pd.read_parquet(decisions), count, pairs)
