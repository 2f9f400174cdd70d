"""Candidates near persons who are said not to have been trained on.

Who was trained on is somebody else's word. A generator that met a stranger's picture would show it: candidates near to
it, more than strangers are near to each other.
"""

from typing import Any

import numpy as np

from avatarflow.core.arrays import Integers, Mask, Rows
from avatarflow.privacy.fingerprints.files import RowFile
from avatarflow.privacy.search.neighbours import blocks, nearest

from .candidates import share

BLOCK = 4096


def strangers_met(
    candidates: RowFile | Rows, strangers: Rows, persons: Integers, within_rad: float
) -> dict[str, Any] | None:
    """How many candidates lie within an angle of a stranger's picture, beside what is usual between strangers.

    Parameters
    ----------
    candidates : (n, d)
        Rows that are not finite count nowhere.
    strangers : (m, d)
    persons : (m,)
        Whose pictures they are.
    within_rad : float
        The threshold of the rule `distance`: inside it an altered original lies.

    Returns
    -------
    dict or None
        `candidates` and `between_strangers` (shares; the latter of strangers' pictures within the angle of another
        stranger's) and `doubtful`: whether the first lies beyond doubt above the second. None with fewer than two
        strangers.
    """
    if len(np.unique(persons)) < 2:
        return None
    near: list[Mask] = []
    for rows in blocks(len(candidates), BLOCK):
        some = np.asarray(candidates[rows])
        there = np.isfinite(some).all(1)
        if there.any():
            near.append(nearest(some[there], strangers, 1)[0][:, 0] <= within_rad)
    met = share(np.concatenate(near) if near else np.zeros(0, bool))
    usual = share(_near_another(strangers, persons, within_rad))
    doubtful = met["n"] > 0 and met["low"] > usual["high"]
    return {"candidates": met, "between_strangers": usual, "doubtful": bool(doubtful), "within_rad": within_rad}


def _near_another(strangers: Rows, persons: Integers, within_rad: float) -> Mask:
    """(m,) whether a picture of another stranger lies within the angle."""
    most = int(np.unique(persons, return_counts=True)[1].max())
    angles, index = nearest(strangers, strangers, most + 1)
    other = persons[index] != persons[:, None]
    first = np.take_along_axis(angles, other.argmax(1)[:, None], 1)[:, 0]
    return np.asarray(other.any(1) & (first <= within_rad))
