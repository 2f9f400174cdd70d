"""Originals searched by the ratio of angle to half-angle itself, by inner products, with a proof that none was missed.

Originals of like half-angle form a group, and in each the angle is replaced by its tangent at tau, where the ratio is a
typical one; that is linear in the cosine x:

    theta ~ a - b x,   b = 1 / sin(tau),   a = tau + b cos(tau)
    theta / Theta_i ~ (a - b x_i) / Theta_i = - <(b e_i, -a) / Theta_i, (g, 1)>

so the K originals with the smallest linear ratios are the K largest inner products with one more dimension: one search
of the usual cost, whatever the widths of the cones. From a value the cosine, hence the true ratio, follows up to
rounding; and an original that was not among the K has a value at most the K-th, hence a ratio of at least `beyond`.
"""

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Floats, Rows

from .neighbours import Indices, Products

STEPS = 64
"""Groups of half-angles for which the bound on the originals not found is taken."""


class RatioSearch:
    """A gallery made ready for searches by ratio.

    Parameters
    ----------
    gallery : (m, d) float32
        Unit rows.
    half_angles_rad : (m,)
        Above 0.
    typical : float
        Ratio at which the tangents touch; decides how often the proof holds, never a result.
    """

    def __init__(self, gallery: Rows, half_angles_rad: Floats, typical: float) -> None:
        self.half_angles = half_angles_rad
        self.group, self._lowest, self._highest = _groups(half_angles_rad)
        tau = np.clip(typical * np.sqrt(self._lowest * self._highest), np.radians(5), np.pi / 2)
        self.b = 1 / np.sin(tau)
        self.a = tau + self.b * np.cos(tau)
        rounding = (gallery.shape[1] + 10) * np.finfo(np.float32).eps
        self.slack = rounding * np.sqrt(2) * np.hypot(self.a, self.b)  # of a value times Theta_i
        rows = np.empty((len(gallery), gallery.shape[1] + 1), np.float32)
        rows[:, :-1] = (self.b[self.group] / half_angles_rad)[:, None] * gallery
        rows[:, -1] = -self.a[self.group] / half_angles_rad
        self._products = Products(rows)

    def top(self, queries: Rows, k: int) -> tuple[Floats, Floats, Indices, Floats]:
        """Return the k originals with the smallest linear ratios.

        Parameters
        ----------
        queries : (n, d) float32
            Unit rows.

        Returns
        -------
        least, most : (n, k)
            Bounds of the ratios of those found.
        found : (n, k)
            Their rows.
        beyond : (n,)
            A lower bound of the ratio of every original that was not found.
        """
        # (n, d) -> (n, d + 1): the last column takes the constant of the linear bound
        raised = np.ones((len(queries), queries.shape[1] + 1), np.float32)
        raised[:, :-1] = queries
        values, found = self._products.largest(raised, k)
        wide, halves, group = values.astype(np.float64), self.half_angles[found], self.group[found]
        cosine = (self.a[group] + wide * halves) / self.b[group]
        margin = (self.slack / self.b)[group]
        return (
            _angle(cosine + margin) / halves,
            _angle(cosine - margin) / halves,
            found,
            self._beyond(wide[:, -1]),
        )

    def _beyond(self, values: Floats) -> Floats:
        """Over all groups: the angle at the half-angle where the cosine is largest, over the largest half-angle."""
        # (n,) -> (n, groups)
        each = values[:, None]
        cosine = (
            self.a + np.maximum(each * self._lowest, each * self._highest) + self.slack
        ) / self.b
        return np.asarray((_angle(cosine) / self._highest).min(1))


def _groups(half_angles: Floats) -> tuple[Indices, Floats, Floats]:
    """At most `STEPS` groups of neighbouring half-angles: whose each is, the smallest and the largest in each."""
    edges = np.geomspace(half_angles.min(), half_angles.max(), STEPS + 1)[1:-1]
    group: Indices = np.unique(np.searchsorted(edges, half_angles), return_inverse=True)[1].astype(
        np.int64
    )
    members = [half_angles[group == each] for each in range(group.max() + 1)]
    return (
        group,
        np.array([each.min() for each in members]),
        np.array([each.max() for each in members]),
    )


def _angle(cosine: npt.NDArray[np.float64]) -> Floats:
    return np.arccos(np.clip(cosine, -1, 1))
