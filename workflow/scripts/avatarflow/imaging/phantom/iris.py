"""Procedural close-ups of the open eye: iris, pupil, white, lids and lashes.

One unit is the radius of the iris; +x is nasal (a right eye shows its nasal corner, with the pink caruncle, on the
right of the picture), +y down. The statistic that depends on sex is made up and exaggerated on purpose: female eyes
have a broad dark limbal ring, many long lashes and a dark upper lid margin; male eyes have a faint ring and few short
lashes. Iris colour and pattern, skin and lid shape vary between persons whatever their sex.

References
----------
Daugman 1993, High confidence visual recognition of persons by a test of statistical independence: the iris pattern
stretches between pupil and limbus like a rubber sheet.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import optics as optics
from .lids import Lids, lashes, make_lids
from .optics import OVER, Plane, Pose, Rng

Colour = npt.NDArray[np.float32]

LIMBUS = {"female": (0.88, 0.17), "male": (0.22, 0.07)}
"""Darkness and width of the limbal ring."""
IRISES = np.array(
    [
        [0.30, 0.17, 0.09],
        [0.42, 0.26, 0.12],
        [0.50, 0.40, 0.20],
        [0.42, 0.46, 0.30],
        [0.40, 0.53, 0.62],
        [0.48, 0.54, 0.57],
    ],
    np.float32,
)
"""Dark brown, brown, hazel, green, blue, grey."""
SKINS = np.array(
    [[0.93, 0.76, 0.67], [0.85, 0.65, 0.53], [0.70, 0.50, 0.38], [0.48, 0.32, 0.24]], np.float32
)
WHITE = np.array([0.90, 0.87, 0.84], np.float32)
PINK = np.array([0.84, 0.50, 0.46], np.float32)
HAIR = np.array([0.10, 0.07, 0.06], np.float32)


@dataclass(frozen=True)
class Iris:
    """All that belongs to one eye and not to its photograph."""

    left: bool
    skin: Colour
    outer: Colour
    inner: Colour
    limbus: tuple[float, float]
    collarette: tuple[float, float]
    """Where it lies between pupil and limbus, and how much it zigzags."""
    fibres: Plane
    crypts: Plane
    contrast: float
    pupil: float
    """Usual radius of the pupil."""
    lids: Lids
    veins: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def make(person: Rng, eye: Rng, sex: str, left: bool) -> Iris:
    """The eye of one identity: what the two eyes of a person share comes from `person`."""
    outer = _blend(person, IRISES)
    inner = outer + person.uniform(0.0, 0.6) * (np.array([0.55, 0.36, 0.16], np.float32) - outer)
    dark, width = LIMBUS[sex]
    return Iris(
        left=left,
        skin=_blend(person, SKINS),
        outer=outer,
        inner=inner.astype(np.float32),
        limbus=(dark + person.normal(0, 0.05), width * person.uniform(0.85, 1.15)),
        collarette=(eye.uniform(0.24, 0.42), eye.uniform(0.02, 0.06)),
        fibres=optics.texture(eye, 0.09, 0.014, stretch=4.0),
        crypts=optics.texture(eye, 0.12, 0.03, stretch=1.6),
        contrast=person.uniform(0.16, 0.34),
        pupil=person.uniform(0.3, 0.42),
        lids=make_lids(person, eye, sex),
        veins=_veins(eye),
    )


def _blend(rng: Rng, palette: Colour) -> Colour:
    """A colour between two neighbours of a palette."""
    at = rng.uniform(0, len(palette) - 1)
    low = int(at)
    high = min(low + 1, len(palette) - 1)
    mixed = palette[low] + np.float32(at - low) * (palette[high] - palette[low])
    return np.asarray(mixed + rng.normal(0, 0.015, 3), np.float32)


def _veins(eye: Rng) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Thin vessels of the white, from both corners towards the iris."""
    count, q = 12, np.linspace(0, 1, 12)
    side = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)[:, None]
    x = side * (2.0 - eye.uniform(0.5, 0.95, (count, 1)) * q)
    y = eye.uniform(-0.5, 0.5, (count, 1)) * (0.5 + q) + np.cumsum(
        eye.normal(0, 0.03, (count, len(q))), axis=1
    )
    return np.stack([x, y], -1), np.outer(
        eye.uniform(0.015, 0.04, count), np.linspace(1, 0.3, len(q))
    )


def draw(eye: Iris, camera: Rng, size_px: int) -> npt.NDArray[np.uint8]:
    """One photograph, (size_px, size_px, 3): the camera's draws are the nuisances."""
    n = size_px * OVER
    centre = (camera.normal(0.05, 0.08), camera.normal(-0.05, 0.1))
    pose = Pose(camera.normal(0, 0.07), camera.uniform(2.0, 2.3), centre, eye.left)
    colour = _scene(eye, camera, pose, n)
    colour *= optics.light(camera, n, camera.uniform(0, 0.14), camera.uniform(0, 0.16))[..., None]
    colour *= (math.exp(camera.normal(-0.04, 0.16)) * np.exp(camera.normal(0, 0.035, 3))).astype(
        np.float32
    )
    seen = optics.focus(optics.shrink(colour, OVER), abs(camera.normal(0, 0.003)))
    return optics.sensor(camera, np.clip(seen, 0, 1), camera.uniform(0.002, 0.014))


def _scene(eye: Iris, camera: Rng, pose: Pose, n: int) -> Plane:
    x, y = pose.grid(n)
    opening = camera.uniform(0.86, 1.06)
    upper, lower = eye.lids.edges(x, opening)
    skin = eye.lids.paint_skin(x, y, upper, lower, eye.skin)
    ball = _ball(eye, camera, pose, x, y, n)
    shade = 0.5 * np.exp(-np.maximum(y - upper, 0) / 0.2) + 0.25 * np.exp(
        -np.maximum(lower - y, 0) / 0.12
    )
    ball *= 1 - shade[..., None]
    _caruncle(ball, eye, x, y)
    open_here = optics.soft(np.minimum(y - upper, lower - y), 0.06)
    colour = skin + open_here[..., None] * (ball - skin)
    hair = lashes(eye.lids, pose, n, opening) * np.float32(0.9)
    colour += hair[..., None] * (HAIR - colour)
    return np.asarray(colour, np.float32)


def _ball(eye: Iris, camera: Rng, pose: Pose, x: Plane, y: Plane, n: int) -> Plane:
    """White, iris, pupil and the reflection of the lamp."""
    gaze = camera.normal(0, 0.1), camera.normal(0, 0.06)
    gx, gy = x - np.float32(gaze[0]), y - np.float32(gaze[1])
    radius = np.sqrt(gx * gx + gy * gy)
    redness = np.clip((np.abs(x) - 1.2) / 1.2, 0, 1)[..., None]
    colour = WHITE + np.float32(0.55) * redness * (PINK - WHITE)
    lines, widths = eye.veins
    veins = optics.ribbons(
        n, 2 if n <= 320 else 1, pose.pixels(lines, n), widths * n / (2 * pose.half)
    )
    colour *= 1 - (0.2 * veins)[..., None] * np.array([0.2, 1, 1], np.float32)
    pupil = np.float32(np.clip(eye.pupil + camera.normal(0, 0.07), 0.2, 0.62))
    tissue = _tissue(eye, gx, gy, radius, pupil, camera.normal(0, 0.02))
    colour += optics.soft(1 - radius, 0.07)[..., None] * (tissue - colour)
    colour *= 1 - (0.97 * optics.soft(pupil - radius, 0.05))[..., None]
    return _glint(colour, camera, x, y)


def _tissue(
    eye: Iris, gx: Plane, gy: Plane, radius: Plane, pupil: np.float32, roll: float
) -> Plane:
    """The coloured part: fibres, crypts, collarette, furrows and the dark ring at its rim."""
    turn = np.arctan2(gy, gx) / np.float32(2 * math.pi) + np.float32(roll)
    depth = np.clip((radius - pupil) / (1 - pupil), 0, 1)
    crypts = optics.sample(eye.crypts, turn, depth * 0.22)
    fibres = optics.sample(eye.fibres, turn + np.float32(0.004) * crypts, depth * 0.14)
    place, zigzag = eye.collarette
    from_ridge = depth - np.float32(place) - np.float32(zigzag) * crypts
    outside = optics.soft(from_ridge, 0.25)[..., None]
    tone = 1 + np.float32(eye.contrast) * fibres
    tone *= 1 - np.float32(0.4) * optics.soft(-crypts - 1, 0.5) * np.exp(
        -((from_ridge / 0.28) ** 2)
    )
    tone += np.float32(0.22) * np.exp(-((from_ridge / 0.05) ** 2))
    tone *= 1 - np.float32(0.35) * np.exp(-depth / 0.06)
    tone *= 1 + np.float32(0.05) * np.sin(depth * 40) * optics.soft(depth - 0.6, 0.2)
    dark, width = eye.limbus
    tone *= 1 - np.float32(dark) * np.exp(-(((1 - radius) / np.float32(width)) ** 2))
    return np.asarray(
        (eye.inner + outside * (eye.outer - eye.inner)) * np.maximum(tone, 0.05)[..., None],
        np.float32,
    )


def _glint(colour: Plane, camera: Rng, x: Plane, y: Plane) -> Plane:
    """The lamp in the cornea: a soft square or round spot above the middle, and a fainter one."""
    sharp = 8 if camera.random() < 0.5 else 2
    for size, strength in ((camera.uniform(0.08, 0.14), 0.97), (camera.uniform(0.04, 0.08), 0.6)):
        at = camera.uniform(-0.4, 0.4), camera.uniform(-0.5, -0.05)
        u, v = (
            np.abs(x - np.float32(at[0])) / np.float32(size),
            np.abs(y - np.float32(at[1])) / np.float32(size),
        )
        spot = np.float32(strength) * np.exp(
            -(np.minimum(u, 4) ** sharp) - np.minimum(v, 4) ** sharp
        )
        colour += spot[..., None] * (1 - colour)
    return colour


def _caruncle(ball: Plane, eye: Iris, x: Plane, y: Plane) -> None:
    """Paint the pink nasal corner, in place."""
    cx, cy = eye.lids.nasal
    u, v = (
        (x - np.float32(cx - 0.22)) / np.float32(0.32),
        (y - np.float32(cy - 0.02)) / np.float32(0.24),
    )
    inside = np.float32(0.9) * optics.soft(1 - np.sqrt(u * u + v * v), 0.5)
    ball += inside[..., None] * (PINK * (0.6 + 0.4 * eye.skin[0]) - ball)
