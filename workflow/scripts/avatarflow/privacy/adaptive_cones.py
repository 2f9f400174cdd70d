"""Cones that open as wide as it is sparse around the picture in question; searched exactly.

With w_i = R_i^beta and u_i(g) = theta(g, x_i) / w_i, the angle in units of the own radius:

    N_p(g)      = the k originals of persons other than p with the smallest u
    rho_p(g)    = the mean angle from g to N_p(g)                                  (local density at the picture)
    Theta_i(g)  = clip(c w_i rho_p(i)(g)^(1 - beta), Theta_min, Theta_max)         (half-angle)
    s(g)        = min over all i of theta(g, x_i) / Theta_i(g)                      (risk)

The search by u gives the nearest originals in that sense and a bound for all others; what the bound leaves open is
looked for among all originals, more and more of them exactly, until nothing is open.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import neighbours
from .exact_angles import exact_angles
from .neighbours import Floats, Gallery, Indices, Rows, blocks
from .ratio_search import RatioSearch

SPARE = 4
"""Originals compared exactly beyond those that the density needs: mostly they prove that nothing was missed."""

SCAN = 256  # candidates compared with all originals at a time


@dataclass(frozen=True)
class Opening:
    """What opens a cone: k, beta, and the clipping, as in `cone.Shape`."""

    k: int
    beta: float
    narrowest_rad: float
    widest_rad: float

    def half_angles(self, c: float, weights: Floats, density: Floats) -> Floats:
        """Theta_i(g)."""
        return np.clip(c * weights * density ** (1 - self.beta), self.narrowest_rad, self.widest_rad)

    def scales(self, angles: Floats, weights: Floats, density: Floats) -> Floats:
        """The c at which each cone, not clipped, just holds its picture."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.nan_to_num(angles / (weights * density ** (1 - self.beta)), nan=0, posinf=np.inf))

    def needed(self, angles: Floats, scales: Floats) -> Floats:
        """The smallest c at which each clipped cone holds its picture: 0 under Theta_min, infinite beyond Theta_max."""
        return np.where(angles <= self.narrowest_rad, 0.0, np.where(angles > self.widest_rad, np.inf, scales))

    def ratios(self, c: float, angles: Floats, scales: Floats) -> Floats:
        """Angle over half-angle; exactly 1 where c is the scale, so that a draw that set c is rejected at it."""
        with np.errstate(divide="ignore", invalid="ignore"):
            narrow = np.where(angles > 0, angles / self.narrowest_rad, 0.0)
            return np.asarray(np.maximum(np.minimum(scales / c, narrow), angles / self.widest_rad))


@dataclass(frozen=True)
class Least:
    """Of each picture the smallest value over all originals, whose it is, and the angle and half-angle behind it."""

    value: Floats
    original: Indices
    angle_rad: Floats
    half_angle_rad: Floats
    scanned: int


class AdaptiveCones:
    """A gallery made ready.

    Parameters
    ----------
    gallery : Gallery
    persons : (m,)
    weights : (m,)
        w, above 0.
    opening : Opening
    typical_rad : float
        An angle at which strangers lie; decides how often a search proves itself, never a result.
    """

    def __init__(
        self, gallery: Gallery, persons: Indices, weights: Floats, opening: Opening, typical_rad: float
    ) -> None:
        self.gallery, self.persons, self.weights, self.opening = gallery, persons, weights, opening
        _, whose, counts = np.unique(persons, return_inverse=True, return_counts=True)
        self.pictures, self.most = counts[whose], int(counts.max())
        self.search = RatioSearch(gallery, weights, typical_rad / float(np.median(weights)))

    def risks(self, queries: Rows, c: float, searched: int) -> Least:
        """s(g) of (n, d) unit rows at scale c; `searched` originals are looked at first."""
        return self._least(queries, searched, c)

    def needed_scales(self, queries: Rows, searched: int) -> Least:
        """The smallest c at which some cone holds each picture."""
        return self._least(queries, searched, None)

    def _least(self, queries: Rows, searched: int, c: float | None) -> Least:
        exact = min(self.opening.k + self.most + SPARE, len(self.gallery))
        least, _, found, beyond = self.search.top(queries, min(max(searched, exact + 1), len(self.gallery)))
        rest = least[:, exact:].min(1) if found.shape[1] > exact else np.inf
        beyond = np.minimum(beyond, rest) if found.shape[1] < len(self.gallery) else np.full(len(queries), rest)
        values, original, angle, half, proven = self._settle(queries, found[:, :exact], beyond, c)
        open_ = np.flatnonzero(~proven)
        for rows in blocks(len(open_), SCAN):
            some = open_[rows]
            values[some], original[some], angle[some], half[some] = self._scan(queries[some], c)
        return Least(values, original, angle, half, len(open_))

    def _scan(self, queries: Rows, c: float | None) -> tuple[Floats, Indices, Floats, Floats]:
        """All originals by lower bounds; the lowest are compared exactly, ever more of them."""
        bound = neighbours.least_angles(queries @ self.gallery.rows.T, self.gallery.dimensions) / self.weights
        out = (np.empty(len(queries)), np.empty(len(queries), np.int64), np.empty(len(queries)), np.empty(len(queries)))
        count, open_ = 2 * (self.opening.k + self.most + SPARE), np.arange(len(queries))
        while len(open_):
            count = min(4 * count, len(self.gallery))
            lowest = np.argpartition(bound[open_], count - 1, axis=1)
            rest = np.take_along_axis(bound[open_], lowest[:, count:], 1).min(1, initial=np.inf)
            *parts, proven = self._settle(queries[open_], lowest[:, :count].astype(np.int64), rest, c)
            values, original, angle, half = out
            values[open_[proven]], original[open_[proven]] = parts[0][proven], parts[1][proven]
            angle[open_[proven]], half[open_[proven]] = parts[2][proven], parts[3][proven]
            open_ = open_[~proven]
        return out

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
        weights = self.weights[found]
        half = self.opening.half_angles(1.0 if c is None else c, weights, density)
        scales = self.opening.scales(angles, weights, density)
        values = self.opening.needed(angles, scales) if c is None else self.opening.ratios(c, angles, scales)
        best = np.lexsort((found, values), axis=1)[:, :1]
        value, angle, width = (np.take_along_axis(each, best, 1)[:, 0] for each in (values, angles, half))
        original = np.take_along_axis(found, best, 1)[:, 0]
        proven = np.isinf(beyond) | (complete & (value < self._outside(widest, beyond, c)))
        return value, original, angle, width, proven

    def _density(
        self, angles: Floats, units: Floats, found: Indices, beyond: Floats
    ) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """The density for each original's person, the largest for any beyond, and whether none of those is part of it.

        Originals stand in the order of u. Who has no picture among them has the density of the k nearest altogether.
        """
        persons, pictures = self.persons[found], self.pictures[found]
        density, complete = np.empty_like(angles), np.ones(len(angles), bool)
        widest = angles[:, : self.opening.k].mean(1)
        for column in range(angles.shape[1]):
            other = persons != persons[:, column : column + 1]
            counted = other & (np.cumsum(other, 1) <= self.opening.k)
            number = counted.sum(1)
            density[:, column] = np.where(counted, angles, 0).sum(1) / np.maximum(number, 1)
            farthest = np.where(counted, units, 0).max(1)
            complete &= (number == self.opening.k) & (farthest < beyond)
            some_beyond = (~other).sum(1) < pictures[:, column]
            widest = np.where(some_beyond, np.maximum(widest, density[:, column]), widest)
        return density, widest, complete

    def _outside(self, widest: Floats, beyond: Floats, c: float | None) -> Floats:
        """A lower bound of the value of every original beyond."""
        nearest = beyond * float(self.weights.min())
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = beyond / widest ** (1 - self.opening.beta)
            if c is None:
                return np.where(nearest <= self.opening.narrowest_rad, 0.0, scale)
            return np.asarray(np.minimum(scale / c, nearest / self.opening.narrowest_rad))
