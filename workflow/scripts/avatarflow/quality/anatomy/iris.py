"""What a close-up of the open eye shows: pupil, iris and lids, as numbers.

Everything is measured at 64 px. The pupil is the largest dark spot of the patch that is darker than the white at both
its sides, with the lamp's reflection filled in; the iris ends where the brightness rises to the white, right and left
of the pupil. Contrasts are differences of brightness over that of the white.

References
----------
Daugman 1993, High confidence visual recognition of persons by a test of statistical independence: the iris between two
circles, at its upper and lower edge covered by the lids.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from avatarflow.core.arrays import Floats, Mask, Pictures

from .check import LEAST, MOST, SIDE_PX, as_floats
from .patches import LEFT, RIGHT, patches

IRIS_PX = (11.0, 14.0, 17.0, 20.0)  # radii of what is looked for first
WHITE = 1.08, 1.35  # radii of the iris between which the white lies at both sides
MIDDLE = 0.3, 0.7  # of the picture between which the middle of the iris lies
WITHIN = 0.8  # of the iris: what is dark in there is a pupil, beyond it may be lid, lashes or the dark rim
DARK = 0.5  # from the darkest part of the iris to its usual brightness
BAND_PX = 2  # rows above and below the middle of the pupil in which the iris ends
REACH_PX = 26  # columns beside it
RISE_PX = 3  # columns before and behind the end of the iris
UNEVEN_PX = 14  # how far one end may well be nearer to the pupil than the other
SKIN_PX = 7  # rows of skin at the picture's upper and lower edge

FINDINGS = {
    "iris_contrast": ((LEAST,), "no iris"),
    "iris_size": ((LEAST, MOST), "iris too small or too large"),
    "pupil_contrast": ((LEAST,), "no pupil"),
    "pupil_size": ((LEAST, MOST), "pupil too small or too large for its iris"),
    "pupil_offset": ((MOST,), "pupil not in the middle of the iris"),
    "second_pupil": ((MOST,), "two pupils"),
    "upper_lid_contrast": ((LEAST,), "no upper lid"),
    "lower_lid_contrast": ((LEAST,), "no lower lid"),
}
"""Per finding, which limits it has, and what a picture beyond one is refused for."""


class Circle(NamedTuple):
    """Middle and radius in pixels."""

    y: float
    x: float
    radius: float


def findings(picture: Pictures, asked: Mapping[str, str]) -> dict[str, float]:
    """Measure one close-up.

    Parameters
    ----------
    picture : (h, w, 3) uint8
    asked : mapping
        Nothing that is asked for changes what is measured.
    """
    small = as_floats(picture)
    grey = small.mean(2)
    pupil, _, _ = dark_spots(grey, _inside(first_look(grey), WITHIN))
    iris, rise = iris_around(pupil, grey)
    largest, second, darkness = dark_spots(grey, _inside(iris, WITHIN))
    colour = beside(small, iris)
    level = max(float(colour.mean()), 1e-3)
    edges = small[:SKIN_PX], small[-SKIN_PX:]
    upper, lower = (float(abs(np.median(rows, (0, 1)) - colour).max()) for rows in edges)
    return {
        "iris_contrast": rise / level,
        "iris_size": iris.radius / SIDE_PX,
        "pupil_contrast": darkness / level,
        "pupil_size": largest.radius / iris.radius,
        "pupil_offset": float(np.hypot(largest.y - iris.y, largest.x - iris.x)) / iris.radius,
        "second_pupil": second.radius / max(largest.radius, 0.5),
        "upper_lid_contrast": upper / level,
        "lower_lid_contrast": lower / level,
    }


def first_look(grey: Floats) -> Circle:
    """Return the round patch that is darkest against what lies at both its sides: pupil and iris, roughly."""
    seen = -patches(grey, np.ones(grey.shape, bool), IRIS_PX, WHITE)[:, [RIGHT, LEFT]].min(1)
    first, last = (round(share * SIDE_PX) for share in MIDDLE)
    here = seen[:, first:last, first:last]
    size, row, column = np.unravel_index(int(here.argmax()), here.shape)
    return Circle(float(first + row), float(first + column), IRIS_PX[size])


def dark_spots(grey: Floats, inside: Mask) -> tuple[Circle, Circle, float]:
    """Return the two largest dark spots in there, of radius 0 where there is none, and how dark the darkest part is."""
    darkest, usual = np.quantile(grey[inside], [0.03, 0.6])
    dark = inside & (grey < darkest + DARK * (usual - darkest))
    whole = ndimage.binary_fill_holes(ndimage.binary_closing(dark))
    labels, count = ndimage.label(ndimage.binary_opening(whole))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    spots = []
    for number in np.argsort(-sizes, kind="stable")[:2]:
        y, x = ndimage.center_of_mass(labels == number + 1)
        spots.append(Circle(y, x, float(np.sqrt(sizes[number] / np.pi))))
    middle = (SIDE_PX - 1) / 2
    first, second = [*spots, *[Circle(middle, middle, 0.0)] * (2 - len(spots))]
    return first, second, float(usual - darkest)


def iris_around(pupil: Circle, grey: Floats) -> tuple[Circle, float]:
    """Return the iris between the steepest rises of brightness right and left of a pupil, and the smaller rise."""
    row, column = round(pupil.y), round(pupil.x)
    # the median over the rows: the lamp's reflection is no end of the iris
    level = np.median(grey[max(0, row - BAND_PX) : row + BAND_PX + 1], 0)
    wide = np.pad(level, REACH_PX, mode="edge")
    start = round(pupil.radius) + RISE_PX
    rises = []
    for way in (1, -1):
        line = wide[column + REACH_PX + way * np.arange(REACH_PX)]
        rises.append((_means(line[RISE_PX:]) - _means(line[:-RISE_PX]))[start - RISE_PX :])
    # (right, left): both rise, and the pupil is not far from the middle of what lies between
    places = np.arange(len(rises[0]))
    uneven = np.exp(-(((places[:, None] - places[None]) / UNEVEN_PX) ** 2))
    both = np.minimum(rises[0][:, None], rises[1][None]) * uneven
    right, left = np.unravel_index(int(both.argmax()), both.shape)
    rise = min(float(rises[0][right]), float(rises[1][left]))
    radius = start - 0.5 + (right + left) / 2
    return Circle(pupil.y, column + (right - left) / 2, float(radius)), rise


def _means(line: Floats) -> Floats:
    """Return the means of `RISE_PX` neighbours."""
    return np.asarray(np.convolve(line, np.ones(RISE_PX) / RISE_PX, "valid"))


def _inside(circle: Circle, times: float) -> Mask:
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    return np.asarray(np.hypot(y - circle.y, x - circle.x) < times * circle.radius)


def beside(small: Floats, iris: Circle) -> npt.NDArray[np.float64]:
    """Return the colour of the white at both sides of the iris, white where that is outside the picture."""
    y = np.arange(SIDE_PX)[:, None]
    here = (abs(y - iris.y) <= BAND_PX) & _inside(iris, WHITE[1]) & ~_inside(iris, WHITE[0])
    return np.asarray(np.median(small[here], 0) if here.any() else np.ones(3))
