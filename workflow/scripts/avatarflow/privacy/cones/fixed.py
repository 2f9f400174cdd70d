"""Cones of one width each, whatever the picture: searched exactly by the ratio of angle to half-angle."""

from dataclasses import dataclass

import numpy as np

from avatarflow.core.arrays import Floats, Rows
from avatarflow.privacy.search import neighbours
from avatarflow.privacy.search.neighbours import Gallery, Indices, blocks
from avatarflow.privacy.search.ratio_search import RatioSearch

PAIRS = 64  # exact angles taken at a time: what they need stays in the processor's cache
FULL_PASS = 256  # candidates compared with all originals at a time


@dataclass(frozen=True)
class Risks:
    """Of each candidate the smallest ratio of angle to half-angle, and the original whose cone has it (0-based).

    `full_passes` of them had to be compared with all originals, since the search alone proved nothing.
    """

    risk: Floats
    original: Indices
    angle_rad: Floats
    threshold_rad: Floats
    full_passes: int


class FixedCones:
    """A gallery made ready.

    Parameters
    ----------
    gallery : Gallery
    half_angles_rad : (m,)
        Above 0.
    typical_rad : float
        An angle at which held-out subjects lie; decides how often a search proves itself, never a result.
    searched : int
        Originals looked at first.
    """

    def __init__(
        self, gallery: Gallery, half_angles_rad: Floats, typical_rad: float, searched: int
    ) -> None:
        self.gallery, self.half_angles = gallery, half_angles_rad
        self.search = RatioSearch(
            gallery.rows, half_angles_rad, typical_rad / float(np.median(half_angles_rad))
        )
        self.k = min(searched, len(gallery))

    def risks(self, queries: Rows) -> Risks:
        """Return the smallest ratio of angle to half-angle of (n, d) unit rows.

        The search gives the K originals with the smallest ratios up to rounding, and a bound for all others; exact
        angles are taken where bounds leave room, and where the bound for the others does not exclude them the candidate
        is compared with all originals.
        """
        least, most, found, beyond = self.search.top(queries, self.k)
        # pairs (query, place) whose lower bound leaves room below the best upper bound
        query, place = np.nonzero(least <= most.min(1, keepdims=True))
        best, original, angle = self._exact(queries, query, found[query, place])
        open_ = (
            np.flatnonzero(beyond <= best) if self.k < len(self.gallery) else np.array([], np.int64)
        )
        for rows in blocks(len(open_), FULL_PASS):
            some = open_[rows]
            best[some], original[some], angle[some] = self._full_pass(queries[some], best[some])
        return Risks(best, original, angle, self.half_angles[original], len(open_))

    def _full_pass(self, queries: Rows, best: Floats) -> tuple[Floats, Indices, Floats]:
        """Compare with every original: bounds in single precision, exact angles where a bound leaves room."""
        bound = (
            neighbours.least_angles(queries @ self.gallery.rows.T, self.gallery.dimensions)
            / self.half_angles
        )
        return self._exact(queries, *np.nonzero(bound <= best[:, None]))

    def _exact(
        self, queries: Rows, query: Indices, original: Indices
    ) -> tuple[Floats, Indices, Floats]:
        """Of each query the smallest exact ratio among its pairs, the smaller row where ratios are equal."""
        angles = np.empty(len(query))
        for rows in blocks(len(query), PAIRS):
            angles[rows] = neighbours.pair_angles(
                queries[query[rows]], self.gallery.rows[original[rows]]
            )
        ratios = angles / self.half_angles[original]
        # the first pair of each query is its smallest ratio
        order = np.lexsort((original, ratios, query))
        first = order[np.unique(query[order], return_index=True)[1]]
        return ratios[first], original[first], angles[first]
