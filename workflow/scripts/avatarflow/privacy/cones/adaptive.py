"""Cones that open as wide as it is sparse around the picture in question; searched exactly.

With w_i = R_i^beta and u_i(g) = theta(g, x_i) / w_i, the angle in units of the own radius:

    N_p(g)      = the k originals of persons other than p with the smallest u
    rho_p(g)    = the mean angle from g to N_p(g)                                  (local density at the picture)
    Theta_i(g)  = clip(c w_i rho_p(i)(g)^(1 - beta), Theta_min, Theta_max)         (half-angle)
    s(g)        = min over all i of theta(g, x_i) / Theta_i(g)                      (risk)

The search by u gives the nearest originals in that sense and a bound for all others; what the bound leaves open is
looked for among all originals, more and more of them exactly, until nothing is open.
"""

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Floats, Rows
from avatarflow.privacy.search import neighbours
from avatarflow.privacy.search.exact_angles import exact_angles
from avatarflow.privacy.search.neighbours import Gallery, Indices, blocks
from avatarflow.privacy.search.ratio_search import RatioSearch

from .fixed import Risks
from .shape import Shape

SPARE = 4
"""Originals compared exactly beyond those that the density needs: mostly they prove that nothing was missed."""

SCAN = 256  # candidates compared with all originals at a time


class AdaptiveCones:
    """A gallery made ready.

    Parameters
    ----------
    gallery : Gallery
    persons : (m,)
    weights : (m,)
        w, above 0.
    shape : Shape
    typical_rad : float
        An angle at which held-out subjects lie; decides how often a search proves itself, never a result.
    c : float
        The scale; NaN before calibration.
    searched : int
        Originals looked at first.
    """

    def __init__(
        self, gallery: Gallery, persons: Indices, weights: Floats, shape: Shape, typical_rad: float, c: float,
        searched: int,
    ) -> None:  # fmt: skip
        self.gallery, self.persons, self.weights, self.shape, self.c = (
            gallery,
            persons,
            weights,
            shape,
            c,
        )
        self.searched = searched
        _, whose, counts = np.unique(persons, return_inverse=True, return_counts=True)
        self.pictures, self.most = counts[whose], int(counts.max())
        self.search = RatioSearch(gallery, weights, typical_rad / float(np.median(weights)))

    def risks(self, queries: Rows) -> Risks:
        """s(g) of (n, d) unit rows."""
        return self._least(queries, self.c)

    def needed_scales(self, queries: Rows) -> Floats:
        """(n,) the smallest c at which some cone holds each of (n, d) unit rows."""
        return self._least(queries, None).risk

    def _least(self, queries: Rows, c: float | None) -> Risks:
        """Return the smallest risk at scale c, or the smallest scale that is needed, over all originals."""
        exact = min(self.shape.k + self.most + SPARE, len(self.gallery))
        least, _, found, beyond = self.search.top(
            queries, min(max(self.searched, exact + 1), len(self.gallery))
        )
        rest = least[:, exact:].min(1) if found.shape[1] > exact else np.inf
        beyond = (
            np.minimum(beyond, rest)
            if found.shape[1] < len(self.gallery)
            else np.full(len(queries), rest)
        )
        values, original, angle, half, proven = self._settle(queries, found[:, :exact], beyond, c)
        open_ = np.flatnonzero(~proven)
        for rows in blocks(len(open_), SCAN):
            some = open_[rows]
            values[some], original[some], angle[some], half[some] = self._scan(queries[some], c)
        return Risks(values, original, angle, half, len(open_))

    def _scan(self, queries: Rows, c: float | None) -> tuple[Floats, Indices, Floats, Floats]:
        """All originals by lower bounds; the lowest are compared exactly, ever more of them."""
        bound = (
            neighbours.least_angles(queries @ self.gallery.rows.T, self.gallery.dimensions)
            / self.weights
        )
        value, original, angle, half = (np.empty(len(queries)) for _ in range(4))
        count, open_ = 2 * (self.shape.k + self.most + SPARE), np.arange(len(queries))
        while len(open_):
            count = min(4 * count, len(self.gallery))
            lowest = np.argpartition(bound[open_], count - 1, axis=1)
            rest = np.take_along_axis(bound[open_], lowest[:, count:], 1).min(1, initial=np.inf)
            settled = self._settle(queries[open_], lowest[:, :count].astype(np.int64), rest, c)
            value[open_], original[open_], angle[open_], half[open_], proven = settled
            open_ = open_[~proven]
        return value, original.astype(np.int64), angle, half

    def _settle(
        self, queries: Rows, found: Indices, beyond: Floats, c: float | None
    ) -> tuple[Floats, Indices, Floats, Floats, npt.NDArray[np.bool_]]:
        """Exact values over the originals found, and whether they hold over all: the others have u >= `beyond`."""
        angles = exact_angles(queries, self.gallery.rows, found)
        units = angles / self.weights[found]
        order = np.lexsort((found, units), axis=1)
        found = np.take_along_axis(found, order, 1)
        angles, units = (np.take_along_axis(each, order, 1) for each in (angles, units))
        density, widest, complete = self._density(angles, units, found, beyond)
        weights, opened = self.weights[found], density ** (1 - self.shape.beta)
        half = self.shape.clipped((1.0 if c is None else c) * weights * opened)
        with np.errstate(divide="ignore", invalid="ignore"):
            scales = np.nan_to_num(angles / (weights * opened), nan=0, posinf=np.inf)
        values = self.shape.needed(angles, scales) if c is None else self._ratios(c, angles, scales)
        best = np.lexsort((found, values), axis=1)[:, :1]
        value, angle, width = (
            np.take_along_axis(each, best, 1)[:, 0] for each in (values, angles, half)
        )
        original = np.take_along_axis(found, best, 1)[:, 0]
        proven = np.isinf(beyond) | (complete & (value < self._outside(widest, beyond, c)))
        return value, original, angle, width, proven

    def _ratios(self, c: float, angles: Floats, scales: Floats) -> Floats:
        """Angle over half-angle."""
        with np.errstate(divide="ignore", invalid="ignore"):
            narrow = np.where(angles > 0, angles / self.shape.narrowest_rad, 0.0)
            return np.asarray(
                np.maximum(np.minimum(scales / c, narrow), angles / self.shape.widest_rad)
            )

    def _density(
        self, angles: Floats, units: Floats, found: Indices, beyond: Floats
    ) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """The density for each original's person, the largest for any beyond, and whether none of those is part of it.

        Originals stand in the order of u. Who has no picture among them has the density of the k nearest altogether.
        """
        persons, pictures = self.persons[found], self.pictures[found]
        density, complete = np.empty_like(angles), np.ones(len(angles), bool)
        widest = angles[:, : self.shape.k].mean(1)
        for column in range(angles.shape[1]):
            other = persons != persons[:, column : column + 1]
            density[:, column], counted = mean_of_nearest(angles, other, self.shape.k)
            number = counted.sum(1)
            farthest = np.where(counted, units, 0).max(1)
            complete &= (number == self.shape.k) & (farthest < beyond)
            some_beyond = (~other).sum(1) < pictures[:, column]
            widest = np.where(some_beyond, np.maximum(widest, density[:, column]), widest)
        return density, widest, complete

    def _outside(self, widest: Floats, beyond: Floats, c: float | None) -> Floats:
        """Return a lower bound of the value of every original beyond."""
        nearest = beyond * float(self.weights.min())
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = beyond / widest ** (1 - self.shape.beta)
            if c is None:
                return np.where(nearest <= self.shape.narrowest_rad, 0.0, scale)
            return np.asarray(np.minimum(scale / c, nearest / self.shape.narrowest_rad))


def mean_of_nearest(
    angles: Floats, other: npt.NDArray[np.bool_], k: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the mean angle to the first k originals of others, and which those are.

    Parameters
    ----------
    angles : (n, j)
        To originals in the order of u.
    other : (n, j)
        Which of them are of other persons.
    """
    counted = other & (np.cumsum(other, 1) <= k)
    return np.where(counted, angles, 0).sum(1) / np.maximum(counted.sum(1), 1), counted
