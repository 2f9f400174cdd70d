"""What the risky candidates of an audit have in common: one way in which originals were changed, or one person.

A candidate is compared with the original that it is taken for, after each of a few plain changes of that original.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from avatarflow.core.arrays import Integers, Mask, Pictures
from avatarflow.privacy.cones.decide import INSIDE, MATCHED

SIDE_PX = 32  # pictures are compared at this side
NEAR = 10.0  # mean difference in grey levels up to which a changed original is the candidate
NEAR_CUT, NEAR_HALF = 8.0, 4.0  # a part of a picture lies nearer to some part of any other eye
CUTS = (0.9, 0.8, 0.7, 0.6, 0.5)  # sides of parts that are looked for in an original
LOOKED_AT = 500  # candidates compared at most, evenly over all
MOST = 0.5  # share of the risky candidates from which on something counts as the pattern
FEWEST = 3
ORDERS = ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
CUT_OUT, HALVED = "cut out and enlarged", "with one half covered"
OTHERWISE = "changed in another way"


def pattern(
    decisions: pd.DataFrame,
    verified: pd.DataFrame | None,
    pool: pd.DataFrame,
    originals: Callable[[Mask], Pictures],
    candidates: Callable[[Mask], Pictures],
) -> dict[str, Any]:
    """Return what most of the risky candidates share.

    Parameters
    ----------
    decisions : DataFrame
        `reason` and `matched_original` (manifest row) of each candidate.
    verified : DataFrame or None
        What the verifier says of them; `original` (manifest row) counts where it matched.
    pool : DataFrame
        `row` and `person` of the originals.
    originals, candidates : callable
        Reads the pictures (size, size, 3) that a mask over `pool`, or over `decisions`, chooses; the others need not be
        decoded.

    Returns
    -------
    dict
        `risky`, `compared`, `changes` (how many of those compared are an original changed in which way), `persons`
        (matched), `most_of_one` (risky candidates of the person with the most), and `sentence` (may be empty).
    """
    matched = decisions["matched_original"].astype("Int64")
    if verified is not None:
        matched = matched.mask(
            verified["matched"].to_numpy(bool), verified["original"].astype("Int64")
        )
    risky = np.flatnonzero(decisions["reason"].isin((INSIDE, MATCHED)) & matched.notna())
    place = pd.Series(np.arange(len(pool)), index=pool["row"].to_numpy())
    of = place.reindex(matched.iloc[risky].astype("int64")).to_numpy()
    persons = Counter(pool["person"].to_numpy()[of].tolist())
    chosen = np.unique(np.linspace(0, len(risky) - 1, min(LOOKED_AT, len(risky))).astype(int))
    known, shown = (
        _read(originals, of[chosen], len(pool)),
        _read(candidates, risky[chosen], len(matched)),
    )
    changes = Counter(
        change(known[one], shown[other])
        for one, other in zip(of[chosen], risky[chosen], strict=True)
    )
    found = {
        "risky": len(risky), "compared": len(chosen), "changes": dict(changes.most_common()),
        "persons": len(persons), "most_of_one": max(persons.values(), default=0),
    }  # fmt: skip
    return found | {"sentence": sentence(found)}


def sentence(found: Mapping[str, Any]) -> str:
    """Return the pattern in plain words."""
    said = []
    kind, count = next(iter(found["changes"].items()), (OTHERWISE, 0))
    if kind != OTHERWISE and count >= max(FEWEST, MOST * found["compared"]):
        said.append(f"{count} of {found['compared']} that were looked at are originals {kind}")
    most, risky = found["most_of_one"], found["risky"]
    if most >= max(FEWEST, MOST * risky):
        said.append(f"{most} of {risky} are taken for pictures of one person")
    return "; ".join(said)


def change(original: Pictures, candidate: Pictures) -> str:
    """Return in which way an original was changed to become a candidate, both of `SIDE_PX`.

    A part of a picture is looked for only where the whole is not found.
    """
    apart = {
        kind: min(np.abs(seen.astype(np.int16) - candidate).mean() for seen in views)
        for kind, views in _changed(original)
    }
    kind = min(apart, key=apart.__getitem__)
    if apart[kind] <= NEAR:
        return kind
    if _cut(original, candidate) <= NEAR_CUT:
        return CUT_OUT
    return HALVED if _halved(original, candidate) <= NEAR_HALF else OTHERWISE


def _read(pictures: Callable[[Mask], Pictures], rows: Integers, total: int) -> dict[int, Pictures]:
    """The pictures of some rows at the side that is compared, by row."""
    wanted = np.zeros(total, bool)
    wanted[rows] = True
    return dict(zip(np.flatnonzero(wanted).tolist(), map(small, pictures(wanted)), strict=True))


def _changed(picture: Pictures) -> Iterable[tuple[str, list[Pictures]]]:
    turned = [np.rot90(each, k) for each in (picture, picture[:, ::-1]) for k in range(4)]
    gray = np.repeat(picture.mean(2, keepdims=True), 3, axis=2).astype(np.uint8)
    yield "as they are, or exported again", [picture]
    yield "with their colour channels in another order", [picture[..., list(o)] for o in ORDERS]
    yield "turned or mirrored", turned[1:]
    yield "as negatives", [255 - picture]
    yield "without their colours", [gray]


def _cut(original: Pictures, candidate: Pictures) -> float:
    """The least mean difference of the candidate, shrunk, and a part of the original of that side."""
    return min(_least(original, round(share * SIDE_PX), candidate) for share in CUTS)


def _least(original: Pictures, side: int, candidate: Pictures) -> float:
    part = cv2.resize(candidate, (side, side), interpolation=cv2.INTER_AREA)
    squares = cv2.matchTemplate(np.ascontiguousarray(original), part, cv2.TM_SQDIFF)
    row, column = np.unravel_index(int(squares.argmin()), squares.shape)
    there = original[row : row + side, column : column + side]
    return float(np.abs(there.astype(np.int16) - part).mean())


def _halved(original: Pictures, candidate: Pictures) -> float:
    """The least mean difference over one half of the two pictures."""
    apart, half = np.abs(original.astype(np.int16) - candidate).mean(2), SIDE_PX // 2
    halves = (apart[:half], apart[half:], apart[:, :half], apart[:, half:])
    return float(min(each.mean() for each in halves))


def small(picture: Pictures) -> Pictures:
    """The picture at the side that is compared."""
    size = (SIDE_PX, SIDE_PX)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
