"""What a fundus photograph shows: field of view, optic disc, macula and vessels, as numbers.

Everything is measured at 64 px, in units of the field's radius, on the logarithm of green, and a little blue, without
its slow changes: a contrast of 0.1 is 10 % brighter than what lies around. A disc is a round patch that is brighter
than the ring around it in most directions, so that neither a vessel nor a cluster of exudates is one, and lies near
the horizontal midline, as in the standard fields, which are centred on the macula or on the disc.

References
----------
Sinthanayothin et al. 1999, Br. J. Ophthalmol. 83:902: the disc by its brightness, the macula as a dark region at a
known distance from it.
Frangi et al. 1998, Multiscale vessel enhancement filtering: ridges by the eigenvalues of the Hessian.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.morphology import skeletonize

from avatarflow.core.arrays import Floats, Mask, Pictures

from .check import LEAST, MOST, SIDE_PX, as_floats
from .patches import patches

DARK = 0.03, 0.12  # what is no field: below this, or below this share of the bright parts
SHADE = 0.35  # of the field's radius: wider changes of brightness are light, not anatomy
DISC = (0.135, 0.16)  # radii of discs, of the field's radius
MIDLINE = 0.25  # how far from the midline a disc may well lie, as a standard deviation
APART = 0.3  # beyond it a second disc is another one
MACULA = 0.15  # radius of a macula
DISTANCE = 0.45, 0.95  # of the macula from the disc, sideways
LEVEL = 0.3  # how far above or below the disc the macula may lie
RING = 1.25, 2.0  # what lies around a patch: from and to these times its radius
EDGE_PX = 4  # the edge of the field is no vessel
VESSEL_PX = (0.8, 1.3)  # half widths of vessels, as standard deviations
VESSEL = 0.02, 0.05  # ridges that may belong to a vessel, and those that make one
VESSEL_GONE_PX = 5  # no vessel is as wide
STUB_PX = 8  # shorter lines are no vessels
SIDES = {"right": 1, "left": -1}  # which way from the macula the disc lies
ALL_AROUND = np.ones((3, 3), int)

FINDINGS = {
    "field_misfit": ((MOST,), "field of view not round"),
    "disc_contrast": ((LEAST,), "no optic disc"),
    "second_disc": ((MOST,), "two optic discs"),
    "disc_side": ((LEAST,), "disc and macula not as in an eye of the asked side"),
    "macula_contrast": ((LEAST,), "no macula"),
    "vessel_length": ((LEAST, MOST), "vessels too short or too long"),
    "branch_points": ((LEAST, MOST), "too few or too many branches of vessels"),
}
"""Per finding, which limits it has, and what a picture beyond one is refused for."""


def findings(picture: Pictures, asked: Mapping[str, str]) -> dict[str, float]:
    """Measure one photograph.

    Parameters
    ----------
    picture : (h, w, 3) uint8
    asked : mapping
        With `eye_side` `left` or `right` the side that was asked for; without one `disc_side` is 0.
    """
    small = as_floats(picture)
    field = field_of(small.mean(2))
    rows, columns = np.nonzero(field)
    radius, misfit = shape(rows, columns, field)
    y, x = (
        (np.arange(SIDE_PX) - (axis.min() + axis.max()) / 2) / radius for axis in (rows, columns)
    )
    green, blue = (
        flattened(np.log(small[..., channel] + least), field, radius)
        for channel, least in ((1, 0.05), (2, 0.1))
    )
    plain = ndimage.grey_closing(
        0.7 * green + 0.3 * blue, VESSEL_GONE_PX
    )  # a gap between vessels is no disc
    contrast = round_patches(plain, field, DISC, radius)
    likely = contrast * np.where(contrast > 0, np.exp(-((y[:, None] / MIDLINE) ** 2) / 2), 1.0)
    row, column = np.unravel_index(int(likely.argmax()), likely.shape)
    down, right = (y - y[row])[:, None], (x - x[column])[None]
    apart = np.hypot(down, right) > APART
    second = float(likely[apart].max(initial=0))
    dark = round_patches(-plain, field, (MACULA,), radius)
    maculas = {side: _darkest(dark, down, -sign * right) for side, sign in SIDES.items()}
    side, place, length = asked.get("eye_side", ""), 0.0, vessels(green, field)
    if side in SIDES:
        other = next(name for name in SIDES if name != side)
        place = SIDES[side] * x[column] + maculas[side] - maculas[other]
    return {
        "field_misfit": misfit,
        "disc_contrast": float(contrast[row, column]),
        "second_disc": second**2 / max(float(likely[row, column]), second, 1e-3),
        "disc_side": float(place),
        "macula_contrast": maculas.get(side, max(maculas.values())),
        "vessel_length": length[0] / radius,
        "branch_points": float(length[1]),
    }


def field_of(grey: Floats) -> Mask:
    """Return the lit field: the largest bright region, holes filled; the whole picture where nothing is bright."""
    bright = grey > max(DARK[0], DARK[1] * float(np.quantile(grey, 0.9)))
    labels, count = ndimage.label(ndimage.binary_opening(bright))
    if not count:
        return np.ones_like(bright)
    largest = np.bincount(labels.ravel())[1:].argmax() + 1
    return np.asarray(ndimage.binary_fill_holes(labels == largest), bool)


def shape(
    rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], field: Mask
) -> tuple[float, float]:
    """Return the field's radius in pixels, and how far it is from a circle cut at top and bottom.

    The latter is the root of what only one of them covers, over what any of them covers.
    """
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    radius = max(height, width) / 2
    y, x = (np.arange(SIDE_PX) - (axis.min() + axis.max()) / 2 for axis in (rows, columns))
    circle = (np.hypot(y[:, None], x[None]) <= radius) & (abs(y[:, None]) <= height / 2)
    return radius, float(np.sqrt((field ^ circle).sum() / (field | circle).sum()))


def flattened(level: Floats, field: Mask, radius: float) -> Floats:
    """Return the brightness against the wider surroundings inside the field, 0 outside."""
    weight = field.astype(float)
    around = ndimage.gaussian_filter(level * weight, SHADE * radius)
    share = np.maximum(ndimage.gaussian_filter(weight, SHADE * radius), 1e-6)
    return np.asarray((level - around / share) * weight)


def round_patches(flat: Floats, field: Mask, radii: tuple[float, ...], radius: float) -> Floats:
    """(side, side) contrast of the best round patch around each pixel, by its weaker sectors; -1 outside the field."""
    seen = patches(flat, field, tuple(share * round(radius) for share in radii), RING)
    return np.where(field, np.sort(seen, axis=1)[:, :2].mean(1).max(0), -1.0)


def _darkest(dark: Floats, down: Floats, temporal: Floats) -> float:
    """Return the contrast of the darkest patch where a macula may lie; 0 where that is outside the field."""
    near, far = DISTANCE
    here = (abs(down) < LEVEL) & (temporal > near) & (temporal < far)
    return float(dark[here].max(initial=0))


def vessels(flat: Floats, field: Mask) -> tuple[int, int]:
    """Return the length of all vessels in pixels, and in how many places they branch or cross."""
    inside = ndimage.binary_erosion(field, iterations=EDGE_PX)
    ridge = np.max([_ridges(flat, sigma) for sigma in VESSEL_PX], axis=0) * inside
    labels, count = ndimage.label(ridge > VESSEL[0], ALL_AROUND)
    strong = np.zeros(count + 1, bool)
    strong[labels[ridge > VESSEL[1]]] = True
    thin = skeletonize(strong[labels] & (labels > 0))
    lines, count = ndimage.label(thin, ALL_AROUND)
    thin &= (np.bincount(lines.ravel(), minlength=count + 1) >= STUB_PX)[lines]
    neighbours = ndimage.convolve(thin.astype(int), ALL_AROUND, mode="constant") - 1
    return int(thin.sum()), int(ndimage.label(thin & (neighbours > 2), ALL_AROUND)[1])


def _ridges(flat: Floats, sigma: float) -> Floats:
    """Return how strongly each pixel lies on a dark line of this width: the larger eigenvalue of the Hessian."""
    yy, xx, xy = (
        ndimage.gaussian_filter(flat, sigma, order=order) * sigma**2
        for order in ((2, 0), (0, 2), (1, 1))
    )
    return np.asarray((yy + xx) / 2 + np.sqrt(((yy - xx) / 2) ** 2 + xy**2))
