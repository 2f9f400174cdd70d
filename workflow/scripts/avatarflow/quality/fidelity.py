"""Kernel distance, precision, recall, density and coverage between feature sets, with persons as the units.

Pairs of pictures of one person are left out wherever a measure takes pairs within one set: they are not independent
draws, and with one picture per person every measure equals its published definition.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from avatarflow.core.arrays import Floats, Integers, Mask, Rows

ROWS = 512  # per block of a distance or kernel matrix
LEVELLED = 64
PER_DIRECTION = 8  # pictures needed per levelled direction, so that noise is not levelled up


class Scale(NamedTuple):
    """The common scale of a comparison, fitted to the training pictures' features.

    The few directions in which real pictures differ most (light, camera) would drown all else: every direction
    stronger than the `LEVELLED`th is brought down to its strength. Weaker ones keep theirs, so that what is hardly
    visible in real pictures stays hardly worth anything. Lengths are set so that |z|^2 / d is 1 on average.

    On 715 real eyes at 64 px the 95 % interval of the real-vs-real KID came to +-0.02 where the PCA-Gaussian's KID was
    0.53; with features divided by their spread it was -0.18 to 0.40 beside 0.38.
    """

    mean: Rows
    directions: Rows
    shares: Rows
    length: float

    @classmethod
    def fit(cls, features: Rows) -> "Scale":
        """From (n, d) features, n >= 2."""
        mean = features.mean(0)
        _, strengths, directions = np.linalg.svd(
            (features - mean).astype(np.float64), full_matrices=False
        )
        variances = strengths**2 / len(features)
        last = max(0, min(LEVELLED, len(features) // PER_DIRECTION) - 1)
        shares = (
            np.sqrt(variances[last] / np.maximum(variances[:last], 1e-12)) if last else np.ones(0)
        )
        length = np.sqrt((np.minimum(variances, variances[last])).sum() / features.shape[1])
        return cls(
            mean,
            directions[:last].T.astype(np.float32),
            (1 - shares).astype(np.float32),
            max(float(length), 1e-8),
        )

    def apply(self, features: Rows) -> Rows:
        """(n, d) on the common scale."""
        centred = features - self.mean
        levelled = centred - (centred @ self.directions * self.shares) @ self.directions.T
        return (levelled / self.length).astype(np.float32)


class KernelSums(NamedTuple):
    """Kernel values of two sets, summed over pairs of groups: a bootstrap over persons then costs next to nothing."""

    xx: Floats
    yy: Floats
    xy: Floats
    x_sizes: Floats
    y_sizes: Floats


def kernel_sums(x: Rows, y: Rows, x_groups: Integers, y_groups: Integers) -> KernelSums:
    """Sums of the polynomial kernel k(a, b) = (a.b / d + 1)^3 over group pairs.

    Parameters
    ----------
    x, y : (n, d), (m, d) float32
    x_groups, y_groups : (n,), (m,) int
        0-based number of each row's person.
    """
    return KernelSums(
        _without_own(_grouped_kernel(x, x, x_groups, x_groups)),
        _without_own(_grouped_kernel(y, y, y_groups, y_groups)),
        _grouped_kernel(x, y, x_groups, y_groups),
        np.bincount(x_groups).astype(np.float64),
        np.bincount(y_groups).astype(np.float64),
    )


def kid(
    sums: KernelSums, x_weights: Floats | None = None, y_weights: Floats | None = None
) -> Floats:
    """Unbiased squared maximum mean discrepancy; (1,) without weights, (draws,) with bootstrap weights.

    Parameters
    ----------
    sums : KernelSums
    x_weights, y_weights : (draws, groups)
        How often each group was drawn; None counts each once.

    Returns
    -------
    (draws,) float64
        NaN where fewer than two groups are left to pair.

    References
    ----------
    Binkowski 2018, "Demystifying MMD GANs", equation 4; Gretton 2012, lemma 6.
    """
    wx = np.ones((1, len(sums.x_sizes))) if x_weights is None else x_weights
    wy = np.ones((1, len(sums.y_sizes))) if y_weights is None else y_weights
    across = np.einsum("bg,gh,bh->b", wx, sums.xy, wy, optimize=True)
    across = _ratio(across, (wx @ sums.x_sizes) * (wy @ sums.y_sizes))
    return _within(sums.xx, sums.x_sizes, wx) + _within(sums.yy, sums.y_sizes, wy) - 2 * across


class Manifold(NamedTuple):
    """How two sets cover each other, picture by picture; means are the published figures.

    precise and dense are per generated picture, recalled and covered per real one.
    """

    precise: Mask
    dense: Floats
    recalled: Mask
    covered: Mask


def manifold(real: Rows, generated: Rows, groups: Integers, neighbours: int = 5) -> Manifold:
    """Improved precision and recall, density and coverage.

    Parameters
    ----------
    real : (n, d)
    generated : (m, d)
    groups : (n,)
        Person of each real row; a ball's radius is the distance to the k-th nearest row of another person.
    neighbours : int
        k; there must be more than k rows of other persons, else every result is empty.

    References
    ----------
    Kynkaanniemi 2019 (precision, recall); Naeem 2020 (density, coverage).
    """
    n, m = len(real), len(generated)
    balls = _radii(real, groups, neighbours)  # (n,) squared
    made = _radii(generated, np.arange(m), neighbours)  # (m,) squared
    if not np.isfinite(balls).all() or not np.isfinite(made).all() or not n or not m:
        nothing = np.zeros(0, bool)
        return Manifold(nothing, np.zeros(0), nothing, nothing)
    inside, recalled, covered = np.zeros(m), np.zeros(n, bool), np.zeros(n, bool)
    for rows, distances in _distances(real, generated):
        within = distances <= balls[rows, None]
        inside += within.sum(0)
        covered[rows] = within.any(1)
        recalled[rows] = (distances <= made).any(1)
    return Manifold(inside > 0, inside / neighbours, recalled, covered)


def _grouped_kernel(x: Rows, y: Rows, x_groups: Integers, y_groups: Integers) -> Floats:
    """(groups of x, groups of y) sums of kernel values."""
    sums = np.zeros((int(x_groups.max(initial=-1)) + 1, int(y_groups.max(initial=-1)) + 1))
    if not sums.size:
        return sums
    order = np.argsort(y_groups, kind="stable")
    starts = np.searchsorted(y_groups[order], np.arange(sums.shape[1]))
    right = y[order].astype(np.float64)
    for start in range(0, len(x), ROWS):
        left = x[start : start + ROWS].astype(np.float64)
        kernel = (left @ right.T / x.shape[1] + 1) ** 3  # (rows, m)
        np.add.at(sums, x_groups[start : start + ROWS], np.add.reduceat(kernel, starts, axis=1))
    return sums


def _without_own(sums: Floats) -> Floats:
    np.fill_diagonal(sums, 0)
    return sums


def _within(sums: Floats, sizes: Floats, weights: Floats) -> Floats:
    pairs = (weights @ sizes) ** 2 - (weights**2) @ (sizes**2)
    total: Floats = np.einsum("bg,gh,bh->b", weights, sums, weights, optimize=True)
    return _ratio(total, pairs)


def _ratio(above: Floats, below: Floats) -> Floats:
    out: Floats = np.full(len(above), np.nan)
    np.divide(above, below, out=out, where=below > 0)
    return out


def _distances(x: Rows, y: Rows) -> Iterator[tuple[slice, Floats]]:
    """Blocks of squared Euclidean distances (rows, m) with the slice of rows they belong to."""
    right = y.astype(np.float64)
    norms = (right**2).sum(1)
    for start in range(0, len(x), ROWS):
        left = x[start : start + ROWS].astype(np.float64)
        squared = (left**2).sum(1)[:, None] + norms - 2 * left @ right.T
        yield slice(start, start + len(left)), np.maximum(squared, 0)


def _radii(x: Rows, groups: Integers, neighbours: int) -> Floats:
    """(n,) squared distance from each row to its k-th nearest row of another group; infinite where there is none."""
    if len(x) <= neighbours:
        return np.full(len(x), np.inf)
    radii = np.empty(len(x))
    for rows, distances in _distances(x, x):
        distances[groups[rows, None] == groups] = np.inf
        radii[rows] = np.partition(distances, neighbours - 1, axis=1)[:, neighbours - 1]
    return radii
