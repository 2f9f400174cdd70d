"""Matching of fundus photographs by their vessels and their disc, with plain image processing.

Two pictures are turned, enlarged and shifted against each other; what counts is the best normalised cross-correlation
of their vessel maps, and of the neighbourhood of the disc. Nothing is learned, so it cannot share a blind spot with the
encoder.

References
----------
Sato et al. 1998, Three-dimensional multi-scale line filter (ridges darker than their ground), as in scikit-image.
Lewis 1995, Fast normalized cross-correlation: products by Fourier transform, sums over windows by running sums.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage
from skimage.filters import sato
from skimage.transform import resize

from avatarflow.core.arrays import Pictures

Plane = npt.NDArray[np.float64]
Spectra = npt.NDArray[np.complex64]

SIDE_PX = 64  # pictures are brought to this side
TURNS_DEG = (-12.0, -6.0, 0.0, 6.0, 12.0)
ZOOMS = (0.9, 1.0, 1.1)
REACH = 0.15  # how far one picture may be shifted against the other, of the side
WIDTHS_PX = (0.8, 1.2, 1.6)  # of vessels, as standard deviations
DARK = 0.06  # below it lies the black surround of the field
RIM_PX = 4  # the edge of the field is no vessel
DISC = 0.16  # half a side of the disc's neighbourhood, of the side
CHANGED = 1e-6
RIM = round(REACH * SIDE_PX)
HALF = round(DISC * SIDE_PX)
LENGTHS = (
    SIDE_PX - 2 * RIM,
    2 * HALF + 1,
)  # of what is looked for: the middle of the vessels, the disc


@dataclass(frozen=True)
class View:
    """A picture, or its mirror image, ready to be looked in and looked for.

    Parameters
    ----------
    seen : (2, SIDE_PX, SIDE_PX // 2 + 1) complex
        Spectra of the vessel map and of the flattened green channel.
    spreads : two arrays
        Of both, the root of the summed squares about the mean in every window of the length that is looked for.
    wanted : (2, poses, SIDE_PX, SIDE_PX // 2 + 1) complex
        Conjugate spectra of the middle of the vessel map and of the disc's neighbourhood in every pose, of unit length
        about their mean.
    """

    seen: Spectra
    spreads: tuple[Plane, Plane]
    wanted: Spectra


@dataclass(frozen=True)
class Template:
    """What is kept of a picture; `disc` is where the disc seems to lie, in pixels of the working size."""

    plain: View
    mirrored: View
    disc: tuple[int, int]


def template(picture: Pictures) -> Template | None:
    """Return what is compared of a picture; None where there is nothing to compare, as in a picture of one colour.

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
    vessels = np.asarray(sato(flat, WIDTHS_PX, black_ridges=True)) * inside
    if np.ptp(vessels) < CHANGED or np.ptp(flat * inside) < CHANGED:
        return None
    y, x = _disc(small, inside)
    # (2, SIDE_PX, SIDE_PX)
    planes = np.stack([vessels, flat * inside])
    return Template(_view(planes, (y, x)), _view(planes[:, :, ::-1], (y, SIDE_PX - 1 - x)), (y, x))


def similarity(one: Template, other: Template) -> float:
    """How alike two pictures are, -1 to 1: the mean of the best correlations of their vessels and of their discs.

    Symmetric, and blind to a mirror image: the better of both is taken.
    """
    sides = (other.plain, other.mirrored)
    return max((_directed(one.plain, side) + _directed(side, one.plain)) / 2 for side in sides)


def _directed(one: View, other: View) -> float:
    """Return the middle of one picture and the disc of it, looked for in the other one."""
    # (2, poses, h, w) * (2, 1, h, w) -> correlations at every shift, by the convolution theorem
    products = fft.irfft2(
        one.wanted * other.seen[:, None], (SIDE_PX, SIDE_PX)
    )  # (2, poses, SIDE_PX, SIDE_PX)
    best = []
    for found, spread in zip(products, other.spreads, strict=True):
        # (poses, SIDE_PX, SIDE_PX) -> (shifts, shifts): the best pose; shifts beyond the rim wrap round
        valid = found[:, : len(spread), : len(spread)].max(0)
        best.append(
            float(np.max(np.where(spread > CHANGED, valid / np.maximum(spread, CHANGED), 0)))
        )
    return sum(best) / 2


def _view(planes: npt.NDArray[np.float64], disc: tuple[int, int]) -> View:
    """Spectra of the vessel map and the flat picture (2, SIDE_PX, SIDE_PX), whose disc lies there."""
    y, x = (int(np.clip(place, HALF, SIDE_PX - 1 - HALF)) for place in disc)
    middle, around = (SIDE_PX // 2, SIDE_PX // 2), (y, x)
    wanted = np.zeros((2, len(TURNS_DEG) * len(ZOOMS), SIDE_PX, SIDE_PX), np.float32)
    for number, (turn, zoom) in enumerate(product(TURNS_DEG, ZOOMS)):
        vessels = _posed(planes[0], turn, zoom, middle)[RIM:-RIM, RIM:-RIM]
        part = _posed(planes[1], turn, zoom, around)[
            y - HALF : y + HALF + 1, x - HALF : x + HALF + 1
        ]
        wanted[0, number, : LENGTHS[0], : LENGTHS[0]] = _normal(vessels)
        wanted[1, number, : LENGTHS[1], : LENGTHS[1]] = _normal(part)
    spreads = tuple(_spread(plane, length) for plane, length in zip(planes, LENGTHS, strict=True))
    return View(
        np.asarray(fft.rfft2(planes.astype(np.float32))),
        (spreads[0], spreads[1]),
        np.conj(np.asarray(fft.rfft2(wanted))),
    )


def _normal(part: Plane) -> Plane:
    """Return a part about its mean, of unit length; nothing where it is flat."""
    about = part - part.mean()
    length = float(np.sqrt((about**2).sum()))
    return about / length if length > CHANGED else np.zeros_like(part)


def _spread(plane: Plane, length: int) -> Plane:
    """Root of the summed squares about the mean in each window of that length, (SIDE_PX - length + 1,) both ways."""
    sums, squares = (_window_sums(values, length) for values in (plane, plane**2))
    return np.asarray(np.sqrt(np.maximum(squares - sums**2 / length**2, 0)))


def _window_sums(plane: Plane, length: int) -> Plane:
    # (h, w) -> (h + 1, w + 1) summed-area table: a window is four of its corners
    running = np.pad(plane.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows = running[length:] - running[:-length]
    return np.asarray(rows[:, length:] - rows[:, :-length])


def _posed(plane: Plane, turn_deg: float, zoom: float, about: tuple[int, int]) -> Plane:
    """Return the plane turned and enlarged about a place."""
    angle = np.radians(turn_deg)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
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
    """Return the place that is brightest against its wider surroundings."""
    bright = small[..., :2].mean(2) * inside
    stands_out = ndimage.gaussian_filter(bright, SIDE_PX / 24) - ndimage.gaussian_filter(
        bright, SIDE_PX / 6
    )
    y, x = np.unravel_index(int(np.argmax(np.where(inside, stands_out, -np.inf))), inside.shape)
    return int(y), int(x)
