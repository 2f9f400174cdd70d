"""Cones that open as wide as it is sparse around the picture in question; searched exactly.

With w_i = R_i^beta and u_i(g) = theta(g, x_i) / w_i, the angle in units of the own radius:

    N_i(g)      = the k originals with the smallest u, of other persons than i's and outside the own radius of i; of two
                  that lie inside each other's own radius, the nearer one
    rho_i(g)    = the mean angle from g to N_i(g)                                  (local density at the picture)
    Theta_i(g)  = clip(c w_i rho_i(g)^(1 - beta), max(R_i, Theta_min), Theta_max)  (half-angle)
    s(g)        = min over all i of theta(g, x_i) / Theta_i(g)                     (risk)

The search by u gives the nearest originals in that sense and a bound for all others; what the bound leaves open is
looked for among all originals, more and more of them exactly, until nothing is open.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Floats, Rows
from avatarflow.privacy.search import neighbours
from avatarflow.privacy.search.exact_angles import exact_angles
from avatarflow.privacy.search.neighbours import Gallery, Indices, blocks
from avatarflow.privacy.search.ratio_search import RatioSearch

from .fixed import Risks
from .own_radius import densities

if TYPE_CHECKING:
    from .cone import Cones

SPARE = 4
"""Originals compared exactly beyond those that the density needs: mostly they prove that nothing was missed."""

SPECIAL = 16
"""Originals compared with every picture, as they pass over more neighbours than all others do."""

SCAN = 256  # candidates compared with all originals at a time


class AdaptiveCones:
    """Cones with density `"picture"` made ready for search.

    Parameters
    ----------
    cones : Cones
        Of m originals; not calibrated where only `needed_scales` is asked for.
    gallery : Gallery
        Of their fingerprints.
    searched : int
        Originals looked at first.

    Raises
    ------
    AvatarflowError
        If the cones do not know whose the originals are.
    """

    def __init__(self, cones: "Cones", gallery: Gallery, searched: int) -> None:
        self.gallery, self.shape, self.c, self.searched = gallery, cones.shape, cones.c, searched
        persons, shape = cones.owners, cones.shape
        self.weights, self.floor = cones.weights, cones.floor_rad
        self.rule = cones.inside.counting(persons, shape.k)
        passed, again = cones.inside.reach(persons, shape.k)
        most = int(np.unique(persons, return_counts=True)[1].max())
        ordinary = passed <= max(most + SPARE, int(np.sort(passed)[-1 - SPECIAL :][0]))
        self.special, self.ordinary = np.flatnonzero(~ordinary), np.flatnonzero(ordinary)
        self.reach = int(shape.k + passed[ordinary].max() + again)
        with np.errstate(divide="ignore"):
            self.least_floor = float((self.weights / self.floor)[ordinary].min())
        # where held-out subjects lie: decides how often a search proves itself, never a result
        typical = float(np.median(cones.sparsity_rad)) / float(np.median(self.weights))
        self.search = RatioSearch(gallery.rows[ordinary], self.weights[ordinary], typical)

    def risks(self, queries: Rows) -> Risks:
        """s(g) of (n, d) unit rows."""
        return self._least(queries, self.c)

    def needed_scales(self, queries: Rows) -> Floats:
        """(n,) the smallest c at which some cone holds each of (n, d) unit rows."""
        return self._least(queries, None).risk

    def _least(self, queries: Rows, c: float | None) -> Risks:
        """Return the smallest risk at scale c, or the smallest scale that is needed, over all originals."""
        exact, number = min(self.reach + SPARE, len(self.ordinary)), len(self.ordinary)
        wanted = min(max(self.searched, exact + 1), number)
        # (n, wanted), of which the first `exact` are compared exactly
        least, _, found, beyond = self.search.top(queries, wanted)
        rest = least[:, exact:].min(1) if wanted > exact else np.inf
        beyond = np.minimum(beyond, rest) if wanted < number else np.full(len(queries), rest)
        # (specials,) -> (n, specials)
        special = np.broadcast_to(self.special, (len(queries), len(self.special)))
        found = np.concatenate([self.ordinary[found[:, :exact]], special], axis=1)
        values, original, angle, half, proven = self._settle(queries, found, beyond, c)
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
        bound[:, self.special] = -1  # these are always among the lowest
        value, original, angle, half = (np.empty(len(queries)) for _ in range(4))
        count, open_ = 2 * (self.reach + SPARE) + len(self.special), np.arange(len(queries))
        while len(open_):
            count = min(4 * count, len(self.gallery))
            # (open, m): the first `count` columns hold the lowest bounds
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
        # (n, j), from here on in the order of u; the smaller row first where two are equal
        order = np.lexsort((found, units), axis=1)
        found = np.take_along_axis(found, order, 1)
        angles, units = (np.take_along_axis(each, order, 1) for each in (angles, units))
        density, complete = densities(angles, units, found, beyond, self.rule)
        weights, floor = self.weights[found], self.floor[found]
        opened = weights * density ** (1 - self.shape.beta)
        half = self.shape.clipped((1.0 if c is None else c) * opened, floor)
        with np.errstate(divide="ignore", invalid="ignore"):  # a copy, or a cone without a width
            values = (
                self.shape.needed(
                    angles, np.nan_to_num(angles / opened, nan=0, posinf=np.inf), floor
                )
                if c is None
                else np.nan_to_num(angles / half, nan=0, posinf=np.inf)
            )
        settled = np.where(complete, values, np.inf)
        # (n, 1) -> (n,)
        best = np.lexsort((found, settled), axis=1)[:, :1]
        value, angle, width = (
            np.take_along_axis(each, best, 1)[:, 0] for each in (settled, angles, half)
        )
        original = np.take_along_axis(found, best, 1)[:, 0]
        # the value of an original whose density is only bounded is at least `values`
        left_open = np.where(complete, np.inf, values).min(1)
        outside = self._outside(self._widest(angles, units, beyond), beyond, c)
        proven = np.isinf(beyond) | (value < np.minimum(left_open, outside))
        return value, original, angle, width, proven

    def _widest(self, angles: Floats, units: Floats, beyond: Floats) -> Floats:
        """Return the largest density that an original beyond can have: it passes over so many neighbours at most."""
        # (n, reach): what is not known counts as pi, the largest angle there is
        known = np.where(units < beyond[:, None], angles, np.pi)[:, : self.reach]
        missing = np.full((len(known), max(0, self.reach - known.shape[1])), np.pi)
        largest = np.sort(np.concatenate([known, missing], axis=1), axis=1)[:, -self.shape.k :]
        return np.asarray(largest.mean(1))

    def _outside(self, widest: Floats, beyond: Floats, c: float | None) -> Floats:
        """Return a lower bound of the value of every original beyond."""
        by_floor = beyond * self.least_floor
        scale = beyond / widest ** (1 - self.shape.beta)
        if c is None:
            return np.where(by_floor <= 1, 0.0, scale)
        with np.errstate(divide="ignore"):  # at c = 0 the floors alone hold
            return np.asarray(np.minimum(scale / c, by_floor))
