"""Originals inside the own radius of another person's original: pictures of one eye under several ids, perhaps.

They are as near as the original's own perturbed pictures. They do not count in its density, and in that of others they
count once: else a few of them would close the cones around them.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from scipy.sparse import csr_array

from avatarflow.core.arrays import Floats, Integers, Mask, Rows
from avatarflow.privacy.search import neighbours
from avatarflow.privacy.search.neighbours import blocks

from .shape import ROUNDING

PAIRS = 4_000_000  # cosines held at a time
EXACT = 65_536  # pairs compared exactly at a time


class Counting(NamedTuple):
    """What decides whether an original counts in a density; see `Inside` for the lists."""

    persons: Integers  # (m,)
    starts: Integers  # (m + 1,)
    places: Integers
    k: int
    """Originals that count in one density."""


@dataclass(frozen=True)
class Inside:
    """Of each original the others' originals inside its own radius.

    Parameters
    ----------
    starts : (m + 1,) int64
        Where each original's list begins in `places`.
    places : (number,) int64
        Their places, ascending within a list.
    """

    starts: Integers
    places: Integers

    @classmethod
    def none(cls, size: int) -> "Inside":
        """Of so many originals no two near each other."""
        return cls(np.zeros(size + 1, np.int64), np.zeros(0, np.int64))

    @property
    def counts(self) -> Integers:
        """(m,) how many each has."""
        return np.diff(self.starts)

    @property
    def mutual(self) -> Integers:
        """(m,) with how many each shares that relation both ways."""
        size = len(self.starts) - 1
        held = csr_array(
            (np.ones(len(self.places), np.int8), self.places, self.starts), (size, size)
        )
        return np.asarray(held.multiply(held.T).sum(1), np.int64)

    def counting(self, persons: Integers, k: int) -> Counting:
        """Return the rule by which k originals count, persons (m,) being whose they are."""
        return Counting(persons, self.starts, self.places, k)

    def reach(self, persons: Integers, k: int) -> tuple[Integers, int]:
        """(m,) how many originals the search for k that count passes over for each, and for any k counted ones."""
        _, whose, pictures = np.unique(persons, return_inverse=True, return_counts=True)
        return pictures[whose] + self.counts, int(np.sort(self.mutual)[-k:].sum())


def inside_own_radius(fingerprints: Rows, persons: Integers, radii_rad: Floats) -> Inside:
    """Look for pairs of originals of different persons nearer than the own radius of the first.

    Parameters
    ----------
    fingerprints : (m, d) float32
        Unit rows.
    persons : (m,)
    radii_rad : (m,)
    """
    limits = radii_rad * (1 + ROUNDING)
    slack = neighbours.cosine_slack(fingerprints.shape[1])
    counts, places = np.zeros(len(fingerprints) + 1, np.int64), []
    for rows in blocks(len(fingerprints), max(1, PAIRS // len(fingerprints))):
        # (block, m)
        cosine = (fingerprints[rows] @ fingerprints.T).astype(np.float64)
        edge = np.cos(np.minimum(limits[rows], np.pi))[:, None]
        inside = cosine >= edge - slack
        inside &= persons[rows][:, None] != persons
        first, second = np.nonzero(inside & (cosine <= edge + slack))
        for some in blocks(len(first), EXACT):  # single precision leaves these open
            one, other = first[some], second[some]
            angles = neighbours.pair_angles(fingerprints[rows][one], fingerprints[other])
            inside[one, other] = angles <= limits[rows][one]
        counts[rows.start + 1 : rows.stop + 1] = inside.sum(1)
        places.append(np.nonzero(inside)[1])
    return Inside(np.cumsum(counts), np.concatenate(places).astype(np.int64))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _holds(rule: Counting, original: int, other: int) -> bool:
    """Whether the other original lies inside the own radius of the first."""
    low, high = rule.starts[original], rule.starts[original + 1]
    if low == high:
        return False
    at = low + np.searchsorted(rule.places[low:high], other)
    return bool(at < high and rule.places[at] == other)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _counted(
    original: int, angles: Floats, found: Integers, rule: Counting, counted: Integers
) -> tuple[float, int]:
    """Sum and number of the angles (j,) to the first k of the originals found (j,) that count; fills `counted` (k,)."""
    total, number = 0.0, 0
    for place in range(len(found)):
        other = found[place]
        again = rule.persons[other] == rule.persons[original] or _holds(rule, original, other)
        for earlier in counted[:number]:
            again = again or (_holds(rule, earlier, other) and _holds(rule, other, earlier))
        if again:
            continue
        total += angles[place]
        counted[number] = other
        number += 1
        if number == rule.k:
            break
    return total, number


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def densities(
    angles: Floats, units: Floats, found: Integers, beyond: Floats, rule: Counting
) -> tuple[Floats, Mask]:
    """Mean angle to the k originals with the smallest u that count for each original.

    Those of its own person do not count, nor do those inside its own radius, nor one that counts already under
    another id: each of the two lies inside the other's own radius. What lies beyond the originals found may come
    before any with u >= `beyond`; for these and for missing ones pi stands, the largest angle.

    Parameters
    ----------
    angles, units, found : (n, j)
        In the order of u.
    beyond : (n,)
        The smallest u of originals that were not found.

    Returns
    -------
    density : (n, j) float64
        An upper bound where it is not complete.
    complete : (n, j) bool
    """
    n, count = angles.shape
    density = np.empty((n, count))
    complete = np.empty((n, count), np.bool_)
    counted = np.empty(rule.k, np.int64)
    for query in range(n):
        known = 0
        while known < count and units[query, known] < beyond[query]:
            known += 1
        for column in range(count):
            total, number = _counted(
                found[query, column], angles[query], found[query, :known], rule, counted
            )
            complete[query, column] = number == rule.k or np.isinf(beyond[query])
            if number == rule.k or (complete[query, column] and number > 0):
                density[query, column] = total / number
            else:
                density[query, column] = (total + (rule.k - number) * np.pi) / rule.k
    return density, complete


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def density_of_each(originals: Integers, angles: Floats, found: Integers, rule: Counting) -> Floats:
    """(n,) as `densities`, of one original at one picture each; those found reach beyond all that do not count."""
    density, counted = np.empty(len(originals)), np.empty(rule.k, np.int64)
    for row in range(len(originals)):
        total, number = _counted(originals[row], angles[row], found[row], rule, counted)
        density[row] = total / number if number > 0 else np.pi
    return density
