"""Linkage: one released picture that lies near to two pictures of a person ties them together.

The attacker holds two photographs, of the two eyes or of two visits, and asks whether they are of one trained person.

References
----------
Giomi et al. 2023, A unified framework for quantifying privacy risk in synthetic data (anonymeter), section 5.2.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Integers, Rows
from avatarflow.core.errors import refuse
from avatarflow.privacy.attacks.interface import Scores
from avatarflow.privacy.search.neighbours import pair_angles, unit

from .knowledge import Knowledge

FELLOW_MEANING = "angle within which one released picture lies near to both eyes of a person"
VISIT_MEANING = "angle within which one released picture lies near to two visits of an eye"
BLOCK = 64


def score_pairs(knowledge: Knowledge, same_eye: bool) -> Scores:
    """Minus the smallest angle within which a released picture lies near to both pictures of a pair.

    Pairs are photographs of one eye, or of a person's two eyes.

    Raises
    ------
    AvatarflowError
        If no person has such a pair.
    """
    pairs = np.array(list(pairs_of(knowledge.persons, knowledge.eyes, same_eye)), np.int64).reshape(
        -1, 2
    )
    if not len(pairs):
        what = "two photographs of one eye" if same_eye else "photographs of both eyes"
        raise refuse(
            "linkage attack",
            f"no person with {what}",
            "say which eye each photograph shows, or leave it out",
        )
    joint = joint_angles(knowledge.known, knowledge.released, pairs)
    return Scores(-joint, knowledge.member[pairs[:, 0]], knowledge.persons[pairs[:, 0]])


def pairs_of(persons: Integers, eyes: Integers, same_eye: bool) -> Iterator[tuple[int, int]]:
    """Rows of every pair of a person's photographs, of one eye or of two; photographs of unknown eyes make none."""
    order = np.argsort(persons, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(persons[order])) + 1):
        for left, right in combinations(rows, 2):
            known = eyes[left] >= 0 and eyes[right] >= 0
            if known and (eyes[left] == eyes[right]) == same_eye:
                yield int(left), int(right)


def joint_angles(known: Rows, released: Rows, pairs: Integers) -> npt.NDArray[np.float64]:
    """(p,) min over released pictures of the larger of their angles to the two pictures of a pair; in blocks."""
    rows, made = unit(known), unit(released)
    out = np.empty(len(pairs))
    for start in range(0, len(pairs), BLOCK):
        some = pairs[start : start + BLOCK]
        least = np.minimum(rows[some[:, 0]] @ made.T, rows[some[:, 1]] @ made.T)
        best = made[least.argmax(1)]
        both = [pair_angles(rows[some[:, side]], best) for side in (0, 1)]
        out[start : start + BLOCK] = np.maximum(*both)
    return out
