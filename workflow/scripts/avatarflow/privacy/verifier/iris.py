"""The iris code: find pupil and limbus, unroll the ring, keep the signs of a Gabor phase, count the bits that differ.

References
----------
Daugman 1993, High confidence visual recognition of persons by a test of statistical independence; Daugman 2004, How
iris recognition works: the integro-differential operator (equation 1), the rubber sheet, phase bits (equation 2) and
the masked Hamming distance over relative turns (equation 5).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import gabor
from skimage.transform import resize

from avatarflow.core.arrays import Pictures

Plane = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]

SIDE_PX = 128  # pictures are brought to this side
RINGS, SPOKES = 24, 192  # of the unrolled ring
WAVES = (1 / 9, 1 / 16)  # Gabor frequencies along the ring, periods per spoke
GROUND = (0.7, 14.0)  # rings and spokes over which the local brightness is taken away
RADIAL = 2.0  # rings, standard deviation of the filters across
TURN_DEG = 35.0  # relative turns tried, either way
GLINT = 0.9  # brighter is the lamp, or white
LAMP = 0.2  # so much brighter than around it is the lamp, whose edge is the sharpest of all
WITHIN = 0.7  # of the limbus' radius, about its middle: there the pupil lies
HALF_DARK = 0.4  # of the way from the darkest to the usual brightness: darker is pupil
SIDES_DEG = 45.0  # from the horizontal: lids seldom come there; the limbus is sought there
MASK_DEG = 55.0  # below and above it the lids may cover the iris
FLAT = 0.02  # of full scale, between the darkest and the brightest: there is no eye
FEWEST_BITS = 0.15  # of all bits, that two codes must both know


@dataclass(frozen=True)
class Circle:
    """Centre and radius in pixels of the working size."""

    y: float
    x: float
    radius: float


@dataclass(frozen=True)
class Code:
    """Phase bits and which of them are known, (bits, RINGS, SPOKES)."""

    bits: Bits
    known: Bits


def template(picture: Pictures) -> Code | None:
    """Return the iris code of a close-up of an eye, (h, w, 3) uint8; None where too little of an iris is seen."""
    small = np.asarray(
        resize(picture, (SIDE_PX, SIDE_PX), anti_aliasing=picture.shape[0] > SIDE_PX), np.float64
    )
    grey = small.mean(2)
    if np.ptp(grey) < FLAT:
        return None
    pupil, limbus = locate(grey)
    ring, known = unrolled(grey, pupil, limbus)
    code = encode(ring, known)
    return code if code.known.mean() >= FEWEST_BITS else None


def similarity(one: Code, other: Code) -> float:
    """1 - the masked Hamming distance: 1 for equal codes, about 0.5 for two eyes.

    Symmetric, and blind to a mirror image: the better of both is taken.
    """
    return 1 - min(distance(one, other), distance(one, mirror(other)))


def distance(one: Code, other: Code) -> float:
    """Return the smallest masked Hamming distance over relative turns; 0.5 where too few bits are known to both."""
    reach = round(TURN_DEG / 360 * SPOKES)
    best, fewest = 0.5, FEWEST_BITS * one.bits.size
    for turn in range(-reach, reach + 1):
        known = one.known & np.roll(other.known, turn, 2)
        count = int(known.sum())
        if count >= fewest:
            best = min(best, float((one.bits ^ np.roll(other.bits, turn, 2))[known].mean()))
    return best


def mirror(code: Code) -> Code:
    """Return the code of the mirror image: the spokes run the other way, and with them the sign of the odd phase."""
    spokes = (SPOKES // 2 - np.arange(SPOKES)) % SPOKES
    bits = code.bits[:, :, spokes].copy()
    bits[1::2] = ~bits[1::2]
    return Code(bits, code.known[:, :, spokes])


def locate(grey: Plane) -> tuple[Circle, Circle]:
    """Pupil and limbus: the circles across which the mean brightness changes most (equation 1)."""
    n = grey.shape[0]
    plain = ndimage.grey_opening(grey, size=n // 11)
    smooth = ndimage.gaussian_filter(np.where(grey - plain > LAMP, plain, grey), n / 100)
    angles = np.radians(np.arange(-SIDES_DEG, SIDES_DEG + 1, 7.5))
    beside = np.stack([angles, angles + np.pi])
    around = np.linspace(0, 2 * np.pi, 32, endpoint=False).reshape(4, 8)
    middle, radii = np.linspace(0.35, 0.65, 16) * n, np.linspace(0.15, 0.33, 19) * n
    limbus = _refined(smooth, _sharpest(smooth, middle, middle, radii, beside), beside)
    return _refined(smooth, _dark_middle(smooth, limbus), around), limbus


def _dark_middle(grey: Plane, limbus: Circle) -> Circle:
    """Return the pupil roughly: the largest dark patch well inside the limbus, the lamp in it filled in."""
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]]
    inside = np.hypot(y - limbus.y, x - limbus.x) < WITHIN * limbus.radius
    darkest, usual = np.quantile(grey[inside], [0.02, 0.6])
    dark = inside & (grey < darkest + HALF_DARK * (usual - darkest))
    patches, count = ndimage.label(
        ndimage.binary_fill_holes(ndimage.binary_closing(dark, iterations=2))
    )
    sizes = np.bincount(patches.ravel(), minlength=count + 1)[1:]
    if not len(sizes):
        return Circle(limbus.y, limbus.x, 0.35 * limbus.radius)
    largest = int(sizes.argmax())
    cy, cx = ndimage.center_of_mass(patches == largest + 1)
    radius = float(
        np.clip(np.sqrt(sizes[largest] / np.pi), 0.18 * limbus.radius, 0.68 * limbus.radius)
    )
    return Circle(float(cy), float(cx), radius)


def _refined(grey: Plane, circle: Circle, angles: Plane) -> Circle:
    """Return the sharpest circle about one, first to a pixel and then to a third of one."""
    for reach, count in ((3.0, 7), (1.0, 7)):
        by = np.linspace(-reach, reach, count)
        wider = np.linspace(
            -reach - 1, reach + 1, count + 2
        )  # the first and the last have no neighbour
        circle = _sharpest(grey, circle.y + by, circle.x + by, circle.radius + wider, angles)
    return circle


def _sharpest(grey: Plane, ys: Plane, xs: Plane, radii: Plane, angles: Plane) -> Circle:
    """Return the circle with the largest rise of mean brightness from inside to outside.

    `angles` (arcs, n): the rise is taken in each arc, and the weaker half of the arcs counts, so that one side of the
    iris against the white, or the lamp, does not pass for a circle.
    """
    # (ys, xs, radii, arcs n) each
    y, x, radius, angle = np.meshgrid(ys, xs, radii, angles.ravel(), indexing="ij")
    places = np.stack([y + radius * np.sin(angle), x + radius * np.cos(angle)])
    seen = ndimage.map_coordinates(grey, places.reshape(2, -1), order=1, mode="nearest")
    means = seen.reshape(*y.shape[:3], *angles.shape).mean(4)  # (ys, xs, radii, arcs)
    rises = np.sort(ndimage.gaussian_filter1d(np.gradient(means, axis=2), 1.0, axis=2), axis=3)
    rise = rises[..., : max(1, len(angles) // 2)].mean(3)
    rise[:, :, [0, -1]] = -np.inf
    i, j, k = np.unravel_index(int(rise.argmax()), rise.shape)
    return Circle(float(ys[i]), float(xs[j]), float(radii[k]))


def unrolled(grey: Plane, pupil: Circle, limbus: Circle) -> tuple[Plane, Bits]:
    """The ring between two circles as (RINGS, SPOKES), pupil first, spoke 0 to the right; and which of it is iris."""
    turn = np.arange(SPOKES) * 2 * np.pi / SPOKES
    depth = ((np.arange(RINGS) + 0.5) / RINGS * 0.85 + 0.05)[:, None]
    inner, outer = (
        np.stack([c.y + c.radius * np.sin(turn), c.x + c.radius * np.cos(turn)])[:, None]
        for c in (pupil, limbus)
    )
    places = (1 - depth) * inner + depth * outer  # (2, RINGS, SPOKES)
    # (2, RINGS SPOKES) -> (RINGS, SPOKES)
    ring = ndimage.map_coordinates(grey, places.reshape(2, -1), order=1, mode="nearest").reshape(
        RINGS, SPOKES
    )
    inside = ((places >= 0) & (places <= grey.shape[0] - 1)).all(0)
    upright = np.abs(np.degrees(np.arcsin(np.sin(turn))))
    known = inside & (ring < GLINT) & (upright <= MASK_DEG)
    return ring, known


def encode(ring: Plane, known: Bits) -> Code:
    """Phase bits of the unrolled ring: the signs of both parts of a Gabor filter, for every wave length."""
    weight = known.astype(float)
    share = np.maximum(ndimage.gaussian_filter(weight, GROUND, mode=("nearest", "wrap")), 1e-6)
    ground = ndimage.gaussian_filter(ring * weight, GROUND, mode=("nearest", "wrap")) / share
    level = (
        ring - ground
    ) * weight  # light and the rings about the pupil, which all eyes share, go
    sides = SPOKES // 4
    wide = np.concatenate([level[:, -sides:], level, level[:, :sides]], 1)  # the ring closes
    bits: list[Bits] = []
    for wave in WAVES:
        real, imaginary = gabor(wide, wave, sigma_x=0.5 / wave, sigma_y=RADIAL)
        bits += [part[:, sides:-sides] > 0 for part in (real, imaginary)]
    held = ndimage.binary_erosion(known, iterations=1, border_value=1)
    return Code(np.stack(bits), np.stack([held] * len(bits)))
