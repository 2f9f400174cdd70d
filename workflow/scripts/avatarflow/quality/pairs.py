"""The riskiest pictures beside the originals they come nearest to: for the officer's and the auditor's eyes only.

The picture shows originals, so it is written outside the release folder and never becomes an artifact of a run.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing
from avatarflow.imaging.sheet import contact_sheet

from .evaluation import accepted
from .samples import Sample

PER_LINE = 3
SIDE_PX = 160
"""Side of a picture on the sheet: smaller ones are enlarged, so that there is something to compare."""


def nearest_pairs(
    pool: Sample,
    samples: Sample,
    decisions: pd.DataFrame,
    count: int,
    path: str | Path,
    every: bool = False,
) -> None:
    """Draw the pictures of smallest risk, the riskiest first, each left of its matched original.

    Under the picture stands its rank, its risk and its margin: by how many degrees it lies outside the nearest cone.
    Originals are numbered in their order on the sheet, so that one that comes twice is known, and nobody is named.

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
        The `.png` to write; an empty file where there is no pair, so that no page has an empty panel.
    every : bool
        Draw from all pictures that were judged, with what was decided in place of the margin; else from the accepted.

    Raises
    ------
    AvatarflowError
        If the decisions are of other pictures (with `every`).
    """
    kept = judged(samples, decisions) if every else accepted(samples, decisions)
    order = np.argsort(kept.table["risk"].to_numpy(), kind="stable")[:count]
    riskiest = kept.where(order)
    outside_deg = np.degrees((decisions["angle_rad"] - decisions["threshold_rad"]).to_numpy())
    margins = dict(zip(decisions["candidate"], outside_deg, strict=True))
    places = {row: place for place, row in enumerate(pool.table["row"])}
    pictures, captions, numbers = [], [], dict[int, int]()
    for rank, (picture, (_, row)) in enumerate(
        zip(riskiest.pictures, riskiest.table.iterrows(), strict=True), start=1
    ):
        original = row["matched_original"]
        if original in places:
            said = f"{margins[row['candidate']]:.2f} deg"
            if every:
                said = "accepted" if row["accepted"] else "rejected"
            number = numbers.setdefault(int(original), len(numbers) + 1)
            pictures += [picture, pool.pictures[places[original]]]
            captions += [f"{rank}: risk {row['risk']:.3f}, {said}", f"original {number}"]
    with replacing(path) as temporary:
        if not pictures:
            temporary.touch()
            return
        contact_sheet(np.stack([enlarged(each) for each in pictures]), 2 * PER_LINE, captions).save(
            temporary, "PNG"
        )


def judged(samples: Sample, decisions: pd.DataFrame) -> Sample:
    """Return the candidates that have a risk, with their decision; rows of both are in one order."""
    if list(samples.table["candidate"]) != list(decisions["candidate"]):
        raise refuse("decisions", "they are of other candidates", "delete them and run again")
    columns = ("accepted", "risk", "matched_original")
    table = samples.table.assign(**{name: decisions[name].to_numpy() for name in columns})
    return Sample(samples.pictures, table).where(np.isfinite(table["risk"].to_numpy()))


def enlarged(picture: Pictures) -> Pictures:
    """Return a picture at `SIDE_PX` or more along its shorter side."""
    height, width = picture.shape[:2]
    times = max(1.0, SIDE_PX / min(height, width))
    size = (round(width * times), round(height * times))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def nearest_pairs_of(
    pool: str, samples: str, decisions: str, count: int, pairs: str, every: bool = False
) -> None:
    """`nearest_pairs` from files to a file."""
    read = Sample.read(pool), Sample.read(samples), pd.read_parquet(decisions)
    nearest_pairs(*read, count, pairs, every)
