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


def nearest_pairs(pool: Sample, candidates: Sample, count: int, path: str | Path) -> None:
    """Draw the candidates of smallest risk, the riskiest first, each left of its matched original.

    Under the picture stands its rank, its risk and its outcome.
    Originals are numbered in their order on the sheet, so that one that comes twice is known, and nobody is named.

    Parameters
    ----------
    pool : Sample
        Originals with `row`, the 1-based row of the manifest.
    candidates : Sample
        Candidates with `risk`, `matched_original`, a manifest row, and `outcome`, the text to write.
    count : int
        How many pairs at most.
    path : path
        The `.png` to write; an empty file where there is no pair, so that no page has an empty panel.
    """
    order = np.argsort(candidates.table["risk"].to_numpy(), kind="stable")[:count]
    riskiest = candidates.where(order)
    places = {row: place for place, row in enumerate(pool.table["row"])}
    pictures, captions, numbers = [], [], dict[int, int]()
    for rank, (picture, (_, row)) in enumerate(
        zip(riskiest.pictures, riskiest.table.iterrows(), strict=True), start=1
    ):
        original = row["matched_original"]
        if original in places:
            number = numbers.setdefault(int(original), len(numbers) + 1)
            pictures += [picture, pool.pictures[places[original]]]
            captions += [f"{rank}: risk {row['risk']:.3f}, {row['outcome']}", f"original {number}"]
    with replacing(path) as temporary:
        if not pictures:
            temporary.touch()
            return
        contact_sheet(np.stack([enlarged(each) for each in pictures]), 2 * PER_LINE, captions).save(
            temporary, "PNG"
        )


def accepted_with_margin(samples: Sample, decisions: pd.DataFrame) -> Sample:
    """Return the accepted candidates; their outcome: by how many degrees they lie outside the nearest cone.

    Parameters
    ----------
    samples : Sample
        Candidates with `candidate`.
    decisions : table
        `candidate`, `accepted`, `risk`, `angle_rad`, `threshold_rad`, `matched_original`.
    """
    kept = accepted(samples, decisions)
    outside_deg = np.degrees((decisions["angle_rad"] - decisions["threshold_rad"]).to_numpy())
    margins = kept.table["candidate"].map(pd.Series(outside_deg, decisions["candidate"]))
    return Sample(kept.pictures, kept.table.assign(outcome=margins.map("{:.2f} deg".format)))


def judged_with_decision(samples: Sample, decisions: pd.DataFrame) -> Sample:
    """Return the candidates that have a risk, accepted or not; their outcome: the decision.

    Parameters
    ----------
    samples : Sample
        Candidates with `candidate`.
    decisions : table
        `candidate`, `accepted`, `risk`, `matched_original`; rows in the order of the candidates.

    Raises
    ------
    AvatarflowError
        If the decisions are of other candidates.
    """
    if list(samples.table["candidate"]) != list(decisions["candidate"]):
        raise refuse("decisions", "they are of other candidates", "delete them and run again")
    table = samples.table.assign(
        risk=decisions["risk"].to_numpy(),
        matched_original=decisions["matched_original"].to_numpy(),
        outcome=np.where(decisions["accepted"], "accepted", "rejected"),
    )
    return Sample(samples.pictures, table).where(np.isfinite(table["risk"].to_numpy()))


SELECTIONS = {"accepted": accepted_with_margin, "judged": judged_with_decision}
"""Which candidates are shown: of a release the accepted ones, of an audit all that were judged."""


def enlarged(picture: Pictures) -> Pictures:
    """Return a picture at `SIDE_PX` or more along its shorter side."""
    height, width = picture.shape[:2]
    times = max(1.0, SIDE_PX / min(height, width))
    size = (round(width * times), round(height * times))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def nearest_pairs_of(
    pool: str, samples: str, decisions: str, selection: str, count: int, pairs: str
) -> None:
    """`nearest_pairs` of a selection of the candidates, from files to a file."""
    candidates = SELECTIONS[selection](Sample.read(samples), pd.read_parquet(decisions))
    nearest_pairs(Sample.read(pool), candidates, count, pairs)
