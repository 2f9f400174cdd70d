"""Candidates near persons who are said not to have been trained on.

Who was trained on is somebody else's word. A generator that met a non-member's picture would show it: more candidates
lie near to it than other non-members do.
"""

from typing import Any

import numpy as np

from avatarflow.core.arrays import Integers, Mask, Rows
from avatarflow.privacy.fingerprints.files import RowFile
from avatarflow.privacy.search.neighbours import blocks, nearest

from .candidates import share

BLOCK = 4096


def non_members_met(
    candidates: RowFile | Rows, non_members: Rows, persons: Integers, within_rad: float
) -> dict[str, Any] | None:
    """Count the candidates within an angle of a non-member's picture, beside what is usual between non-members.

    Parameters
    ----------
    candidates : (n, d)
        Rows that are not finite count nowhere.
    non_members : (m, d)
    persons : (m,)
        Whose pictures they are.
    within_rad : float
        The threshold of the rule `distance`: inside it an altered original lies.

    Returns
    -------
    dict or None
        `candidates` and `between_non_members` (shares; the latter of non-members' pictures within the angle of another
        non-member's) and `doubtful`: whether the first lies beyond doubt above the second. None with fewer than two
        non-members.
    """
    if len(np.unique(persons)) < 2:
        return None
    near: list[Mask] = []
    for rows in blocks(len(candidates), BLOCK):
        block = np.asarray(candidates[rows])
        finite = np.isfinite(block).all(1)
        if finite.any():
            near.append(nearest(block[finite], non_members, 1)[0][:, 0] <= within_rad)
    met = share(np.concatenate(near) if near else np.zeros(0, bool))
    usual = share(_near_another(non_members, persons, within_rad))
    doubtful = met["n"] > 0 and met["low"] > usual["high"]
    return {
        "candidates": met,
        "between_non_members": usual,
        "doubtful": bool(doubtful),
        "within_rad": within_rad,
    }


def _near_another(non_members: Rows, persons: Integers, within_rad: float) -> Mask:
    """(m,) whether a picture of another non-member lies within the angle."""
    most = int(np.unique(persons, return_counts=True)[1].max())
    angles, index = nearest(non_members, non_members, most + 1)
    other = persons[index] != persons[:, None]
    first = np.take_along_axis(angles, other.argmax(1)[:, None], 1)[:, 0]
    return np.asarray(other.any(1) & (first <= within_rad))
