"""Whether a picture lies in a canary's own cone, whatever other cones it lies in."""

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Floats, Integers, Rows
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.cones.own_radius import density_of_each
from avatarflow.privacy.cones.shape import PICTURE


def own_cones(cones: Cones, rows: Integers, canaries: Rows, made: Rows) -> npt.NDArray[np.bool_]:
    """(canaries, pictures) whether a picture lies in the canary's own cone.

    Parameters
    ----------
    cones : Cones
        Calibrated; canaries are among them, each a person with one picture.
    rows : (canaries,)
        Their manifest rows.
    canaries, made : (canaries, d), (pictures, d)
        Unit rows.
    """
    place = {int(row): number for number, row in enumerate(cones.rows)}
    places = np.array([place[int(row)] for row in rows])
    return np.asarray(_angles(canaries, made) <= half_angles(cones, places, made))


def half_angles(cones: Cones, places: Integers, made: Rows) -> Floats:
    """(canaries, pictures) of the cones at these places; with density `"picture"` each picture opens them differently.

    Then the sparsity is that of `adaptive`, over all originals.
    """
    if cones.shape.density != PICTURE:
        return np.repeat(cones.half_angles_rad[places][:, None], len(made), 1)
    shape, weights = cones.shape, cones.weights
    rule = cones.inside.counting(cones.owners, shape.k)
    angles = _angles(made, cones.fingerprints)
    near = np.argsort(angles / weights, axis=1, kind="stable")
    angles = np.take_along_axis(angles, near, 1)
    half = np.empty((len(places), len(made)))
    for number, place in enumerate(places):
        sparsity = density_of_each(np.full(len(made), place), angles, near, rule)
        half[number] = cones.c * weights[place] * sparsity ** (1 - shape.beta)
    return shape.clipped(half, cones.floor_rad[places][:, None])


def _angles(some: Rows, others: Rows) -> Floats:
    return np.asarray(
        np.arccos(np.clip(some.astype(np.float64) @ others.astype(np.float64).T, -1, 1))
    )
