"""How well fingerprints recognise: rank-1 retrieval of altered originals, verification on pairs of the same eye."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Floats, Integers, Rows
from avatarflow.core.statistics import bootstrap, share_of_pictures
from avatarflow.privacy.search.neighbours import nearest, pair_angles

from .files import StoredRows
from .pair_errors import auc_of_counts, eer_of_counts

SAME_FILE = 1e-6  # radians under which a pair is one file twice and proves nothing
RESAMPLES = 500
BLOCK = 1024  # pictures that are compared with as many at a time


@dataclass(frozen=True)
class Verification:
    """Telling pairs of one eye from pairs of two persons by their angle; intervals over the persons with such pairs."""

    auc: float
    auc_low: float
    auc_high: float
    eer: float
    eer_low: float
    eer_high: float
    pairs: int
    persons: int


def rank_one(
    gallery: Rows,
    identities: Integers,
    altered: StoredRows,
    queried: Integers,
    persons: Integers,
    families: Sequence[str],
    seed: int,
) -> pd.DataFrame:
    """Share of altered originals whose nearest original shows the same eye, per family and over all.

    Parameters
    ----------
    gallery : (m, d)
        All originals.
    identities : (m,)
        Equal for originals that show the same eye.
    altered : (q * a, d)
        Perturbed pictures, original by original and family by family, of those `queried` (rows of the gallery).
    queried : (q,)
    persons : (m,)
        Intervals are over persons.

    Returns
    -------
    DataFrame
        `family`, `rank1`, `low`, `high`, `n`, `persons`; the last row is `all`.
    """
    count = len(altered) // max(1, len(queried))
    _, index = nearest(altered, gallery, 1)
    # (q count,) -> (q, families, draws)
    right = (identities[index[:, 0]] == np.repeat(identities[queried], count)).reshape(
        len(queried), len(families), -1
    )
    rows = []
    for place, name in enumerate([*families, "all"]):
        hits = right.reshape(len(queried), -1) if name == "all" else right[:, place]
        share = share_of_pictures(hits.ravel(), np.repeat(persons[queried], hits.shape[1]), seed)
        rows.append((name, share.value, share.low, share.high, share.n, share.persons))
    return pd.DataFrame(rows, columns=["family", "rank1", "low", "high", "n", "persons"])


def verification(
    fingerprints: Rows,
    eyes: Integers,
    persons: Integers,
    seed: int,
    fields: Integers | None = None,
    same_field: bool = True,
) -> Verification | None:
    """AUC and equal error rate of same-eye pairs against pairs of two persons; None without such pairs.

    Pairs of one person's two eyes count as neither; pairs of equal fingerprints (one file twice) are left out.
    Pairs of two persons, which are quadratically many, are counted block against block.

    Parameters
    ----------
    fingerprints : (n, d)
    eyes : (n,)
        -1 where not known.
    persons : (n,)
    fields : (n,), optional
        Which field each picture shows, -1 where not known: only same-eye pairs of one field count then, or with
        `same_field` False those of two.
    """
    first, second = _pairs_of_one_eye(eyes)
    if fields is not None:
        known = (fields[first] >= 0) & (fields[second] >= 0)
        chosen = known & ((fields[first] == fields[second]) == same_field)
        first, second = first[chosen], second[chosen]
    same = pair_angles(fingerprints[first], fingerprints[second])
    whose, same = persons[first][same > SAME_FILE], same[same > SAME_FILE]
    if not len(same):
        return None
    below, upto, impostors = _impostors_within(same, fingerprints, persons)
    if not impostors:
        return None
    groups = [np.flatnonzero(whose == person) for person in np.unique(whose)]

    def over_persons(figure: Callable[[Integers], float]) -> tuple[float, float, float]:
        interval = bootstrap(
            lambda drawn: figure(np.concatenate([groups[row] for row in drawn])),
            len(groups),
            seed,
            RESAMPLES,
        )
        return (figure(np.arange(len(same))), *interval)

    return Verification(
        *over_persons(lambda pairs: auc_of_counts(below[pairs], upto[pairs], impostors)),
        *over_persons(lambda pairs: eer_of_counts(upto[pairs], impostors)),
        len(same),
        len(groups),
    )


def _pairs_of_one_eye(eyes: Integers) -> tuple[Integers, Integers]:
    """Rows (p,) and (p,) of all pairs that show one known eye, each pair once, in order."""
    pairs = [
        (rows[i], rows[j])
        for eye in np.unique(eyes[eyes >= 0])
        for rows in [np.flatnonzero(eyes == eye)]
        for i, j in itertools.combinations(range(len(rows)), 2)
    ]
    first, second = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    return first, second


def _impostors_within(
    angles: Floats, fingerprints: Rows, persons: Integers
) -> tuple[Integers, Integers, int]:
    """Count pairs of two persons nearer than each angle (p,), nearer or as near (p,), and all such pairs."""
    below, upto, total = np.zeros(len(angles), np.int64), np.zeros(len(angles), np.int64), 0
    starts = range(0, len(fingerprints), BLOCK)
    for start, beside in itertools.combinations_with_replacement(starts, 2):
        rows, others = slice(start, start + BLOCK), slice(beside, beside + BLOCK)
        apart = persons[rows, None] != persons[None, others]
        if start == beside:
            apart = np.triu(apart, 1)
        cosines = (fingerprints[rows] @ fingerprints[others].T)[apart].astype(np.float64)
        between = np.sort(np.arccos(np.clip(cosines, -1, 1)))
        below += np.searchsorted(between, angles)
        upto += np.searchsorted(between, angles, "right")
        total += len(between)
    return below, upto, total
