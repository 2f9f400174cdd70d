"""Correlation threshold: how alike the contrastive fingerprints of candidate and nearest original are."""

import numpy as np

from avatarflow.core.arrays import Floats, Integers, Rows
from avatarflow.privacy.search.neighbours import nearest, unit

from .neighbourhood import Candidates, Originals

QUANTILE = 0.95


def score(candidates: Candidates, originals: Originals) -> Floats:
    """1 - the largest Pearson correlation of the candidate's fingerprint with an original's.

    References
    ----------
    Dar et al. 2025, Unconditional latent diffusion models memorize patient imaging data, Nature Biomedical Engineering
    (arXiv 2402.01054), section 4.
    """
    angles, _ = nearest(
        _centred(candidates.fingerprints), _centred(originals.cones.fingerprints), 1
    )
    return _from_angle(angles[:, 0])


def published(originals: Originals) -> float:
    """The threshold from real pictures alone: the 95 % quantile of their correlation with another person's nearest."""
    return float(np.quantile(_from_angle(_to_others(originals)), 1 - QUANTILE))


def _to_others(originals: Originals) -> Floats:
    rows, persons = _centred(originals.cones.fingerprints), originals.persons
    most = int(np.unique(persons, return_counts=True)[1].max())
    angles, index = nearest(rows, rows, most + 1)
    other: Integers = (persons[index] != persons[:, None]).argmax(1)[:, None]
    return np.take_along_axis(angles, other, 1)[:, 0]


def _from_angle(angles: Floats) -> Floats:
    """1 - cos, exact near 0."""
    return np.asarray(2 * np.sin(angles / 2) ** 2)


def _centred(rows: Rows) -> Rows:
    """Rows without their mean over the dimensions, of unit length: their inner products are correlations."""
    wide = rows.astype(np.float64)
    return unit((wide - wide.mean(1, keepdims=True)).astype(np.float32))
