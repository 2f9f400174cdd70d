"""Matching of fundus photographs by their vessels and their disc, with plain image processing.

Two pictures are turned and shifted against each other; what counts is the best normalised cross-correlation of their
vessel maps, and of the neighbourhood of the disc. Nothing is learned, so it cannot share a blind spot with the encoder.

References
----------
Sato et al. 1998, Three-dimensional multi-scale line filter (ridges darker than their ground). Lewis 1995, Fast
normalized cross-correlation. Both as in scikit-image.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.feature import match_template
from skimage.filters import sato
from skimage.transform import resize

from ...imaging.shards import Pictures

Plane = npt.NDArray[np.float64]

SIDE_PX = 64  # pictures are brought to this side
TURNS_DEG = (-15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0)
REACH = 0.15  # how far one picture may be shifted against the other, of the side
WIDTHS_PX = (0.8, 1.2, 1.6)  # of vessels, as standard deviations
DARK = 0.06  # below it lies the black surround of the field
RIM_PX = 4  # the edge of the field is no vessel
DISC = 0.16  # half a side of the disc's neighbourhood, of the side
CHANGED = 1e-6


@dataclass(frozen=True)
class Template:
    """A picture at working size: vessel map and flattened green channel, and where the disc seems to lie."""

    vessels: Plane
    flat: Plane
    disc: tuple[int, int]


def template(picture: Pictures) -> Template:
    """What is compared of a picture.

    Parameters
    ----------
    picture : (h, w, 3) uint8
        A fundus photograph, or the neighbourhood of its disc alone.
    """
    small = resize(picture, (SIDE_PX, SIDE_PX), anti_aliasing=picture.shape[0] > SIDE_PX)
    small = np.asarray(small, np.float64)
    field = ndimage.binary_closing(np.pad(small.mean(2) > DARK, 3), iterations=2)[3:-3, 3:-3]
    flat = _flattened(small[..., 1], field)
    inside = ndimage.binary_erosion(field, iterations=RIM_PX, border_value=1)
    ridges = np.asarray(sato(flat, WIDTHS_PX, black_ridges=True)) * inside
    return Template(ridges, flat * inside, _disc(small, inside))


def similarity(one: Template, other: Template) -> float:
    """How alike two pictures are, -1 to 1: the mean of the best correlations of their vessels and of their discs.

    Symmetric, and blind to a mirror image: the better of both is taken.
    """
    values = []
    for mirrored in (False, True):
        turned = mirror(other) if mirrored else other
        values.append((_directed(one, turned) + _directed(turned, one)) / 2)
    return max(values)


def mirror(one: Template) -> Template:
    """The template of the mirror image."""
    y, x = one.disc
    return Template(one.vessels[:, ::-1], one.flat[:, ::-1], (y, one.flat.shape[1] - 1 - x))


def _directed(one: Template, other: Template) -> float:
    """The middle of one picture and the disc of it, looked for in the other one."""
    rim = round(REACH * SIDE_PX)
    best_vessels = best_disc = -1.0
    half = round(DISC * SIDE_PX)
    y, x = (int(np.clip(place, half, SIDE_PX - 1 - half)) for place in one.disc)
    for turn in TURNS_DEG:
        ridges, flat = _turned(one.vessels, turn, (SIDE_PX // 2, SIDE_PX // 2)), _turned(one.flat, turn, (y, x))
        best_vessels = max(best_vessels, _found(other.vessels, ridges[rim:-rim, rim:-rim]))
        around = slice(y - half, y + half + 1), slice(x - half, x + half + 1)
        best_disc = max(best_disc, _found(other.flat, flat[around]))
    return (best_vessels + best_disc) / 2


def _found(picture: Plane, part: Plane) -> float:
    """The best correlation of a part with any place of a picture; 0 where the part is flat."""
    if np.ptp(part) < CHANGED or np.ptp(picture) < CHANGED:
        return 0.0
    return float(np.nanmax(match_template(picture, part)))


def _turned(plane: Plane, turn_deg: float, about: tuple[int, int]) -> Plane:
    angle = np.radians(turn_deg)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    offset = np.array(about) - matrix @ np.array(about)
    return np.asarray(ndimage.affine_transform(plane, matrix, offset, order=1, mode="nearest"))


def _flattened(green: Plane, inside: npt.NDArray[np.bool_]) -> Plane:
    """Local contrast: the local mean taken away, divided by the local spread, over the field alone."""
    weight = inside.astype(float)
    share = np.maximum(ndimage.gaussian_filter(weight, SIDE_PX / 12), CHANGED)
    mean = ndimage.gaussian_filter(green * weight, SIDE_PX / 12) / share
    spread = ndimage.gaussian_filter((green - mean) ** 2 * weight, SIDE_PX / 12) / share
    return np.asarray((green - mean) / (np.sqrt(np.maximum(spread, 0)) + 0.02) * inside)


def _disc(small: Plane, inside: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """The place that is brightest against its wider surroundings."""
    bright = small[..., :2].mean(2) * inside
    stands_out = ndimage.gaussian_filter(bright, SIDE_PX / 24) - ndimage.gaussian_filter(bright, SIDE_PX / 6)
    y, x = np.unravel_index(int(np.argmax(np.where(inside, stands_out, -np.inf))), inside.shape)
    return int(y), int(x)
