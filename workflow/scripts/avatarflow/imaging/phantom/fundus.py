"""Procedural fundus photographs: identity and sex in the anatomy, everything else in the camera.

The statistic that depends on sex is made up and exaggerated on purpose, so that generated eyes have a known truth:
female eyes have a small cup, narrow arcades close to the macula and fine winding vessels; male eyes have a wide cup,
wide arcades and broad straight vessels. Side: the disc lies nasal of the macula, in the picture's right half for a
right eye. Colour, texture, fovea, disc shape and the vessel tree vary between persons whatever their sex.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import optics as optics
from .optics import OVER, Plane, Pose, Rng
from .vessels import Habit, Vessels, grow

VEIN = np.array([0.30, 0.58, 0.46], np.float32)
ARTERY = np.array([0.17, 0.44, 0.36], np.float32)
CUPS = {"female": 0.30, "male": 0.70}
REACH_DEG = {"female": 8.4, "male": 13.0}
CALIBRE = {"female": 0.78, "male": 1.28}
TORTUOSITY = {"female": 0.75, "male": 0.25}


@dataclass(frozen=True)
class Fundus:
    """All that belongs to one eye and not to its photograph."""

    left: bool
    base: npt.NDArray[np.float32]
    """Colour of the retina at full light, 0..1."""
    disc: npt.NDArray[np.float32]
    """Half axes in degrees, tilt in radians, paleness."""
    cup: float
    """Cup-to-disc ratio."""
    fovea: tuple[float, float]
    macula: npt.NDArray[np.float32]
    """Darkness and width of the macula, darkness of the fovea."""
    arteries: Vessels
    veins: Vessels
    choroid: Plane
    grain: Plane
    tessellation: float
    lesions: npt.NDArray[np.float64]
    """(spots, 4): x, y, radius in degrees, 1 bright or 0 dark."""


def make(person: Rng, eye: Rng, sex: str, left: bool) -> Fundus:
    """The eye of one identity: what the two eyes of a person share comes from `person`."""
    green, blue = person.uniform(0.29, 0.62), person.uniform(0.08, 0.6)
    tone = person.uniform(0.72, 0.98)
    cup = CUPS[sex] + person.normal(0, 0.035) + eye.normal(0, 0.02)
    reach = REACH_DEG[sex] + person.normal(0, 0.45) + eye.normal(0, 0.25)
    fovea = (-15.5 + eye.normal(0, 0.7), 1.6 + eye.normal(0, 0.6))
    habit = Habit(reach, CALIBRE[sex] * person.uniform(0.92, 1.08), TORTUOSITY[sex], fovea)
    arteries, veins = grow(eye, habit)
    half = eye.uniform(3.0, 3.8)
    return Fundus(
        left=left,
        base=np.array([tone, tone * green, tone * green * blue], np.float32),
        disc=np.array(
            [half * eye.uniform(0.84, 0.97), half, eye.normal(0, 0.2), eye.uniform(0.55, 0.95)],
            np.float32,
        ),
        cup=float(np.clip(cup, 0.18, 0.8)),
        fovea=fovea,
        macula=np.array(
            [eye.uniform(0.25, 0.6), eye.uniform(3.2, 5.0), eye.uniform(0.1, 0.4)], np.float32
        ),
        arteries=arteries,
        veins=veins,
        choroid=optics.texture(eye, 0.25, 0.03),
        grain=optics.texture(eye, 0.04, 0.006, stretch=2.0),
        tessellation=person.uniform(0.0, 1.0) ** 2,
        lesions=_lesions(eye, fovea),
    )


def _lesions(eye: Rng, fovea: tuple[float, float]) -> npt.NDArray[np.float64]:
    count = int(eye.integers(3, 14)) if eye.random() < 0.22 else 0
    place = eye.normal(0, 5.5, (count, 2)) + np.array(fovea)
    bright = (eye.random() < 0.6) * np.ones(count)
    return np.column_stack([place, eye.uniform(0.15, 0.6, count), bright])


def draw(eye: Fundus, camera: Rng, size_px: int) -> npt.NDArray[np.uint8]:
    """One photograph, (size_px, size_px, 3): the camera's draws are the nuisances."""
    n = size_px * OVER
    pose = _aim(eye, camera)
    colour = _retina(eye, pose, n)
    colour *= optics.light(camera, n, camera.uniform(0.05, 0.5), camera.uniform(0, 0.18))[..., None]
    colour *= _exposure(camera)
    seen = optics.shrink(colour, OVER)
    seen = optics.focus(seen, abs(camera.normal(0, 0.003)))
    field = optics.shrink(_field(camera, n), OVER)
    return optics.sensor(
        camera, np.clip(seen, 0, 1) * field[..., None], camera.uniform(0.002, 0.014)
    )


def _aim(eye: Fundus, camera: Rng) -> Pose:
    """Most pictures are centred near the macula, some on the disc; the field is 40 to 50 degrees wide."""
    share = camera.uniform(0.12, 0.42) if camera.random() < 0.88 else camera.uniform(0.85, 1.0)
    middle = (1 - share) * np.array(eye.fovea) + camera.normal(0, 0.8, 2)
    return Pose(
        camera.normal(0, 0.06),
        camera.uniform(21.5, 25.5),
        (float(middle[0]), float(middle[1])),
        eye.left,
    )


def _exposure(camera: Rng) -> npt.NDArray[np.float32]:
    """Gain per colour: exposure and a slight cast."""
    gain = math.exp(camera.normal(-0.1, 0.2))
    return np.array(gain * np.exp(camera.normal(0, 0.06, 3)), np.float32)


def _retina(eye: Fundus, pose: Pose, n: int) -> Plane:
    x, y = pose.grid(n)
    colour = _background(eye, x, y)
    over = 2 if n <= 320 else 1
    per_deg = n / (2 * pose.half)
    veins, arteries = (
        optics.ribbons(n, over, pose.pixels(tree.lines, n), tree.widths * per_deg, tree.strength)
        for tree in (eye.veins, eye.arteries)
    )
    _spots(colour, eye, pose, n, over)
    on_disc = _disc(colour, eye, x, y)
    veins *= 1 - 0.5 * on_disc
    colour *= 1 - veins[..., None] * VEIN
    colour *= 1 - (arteries * (1 - 0.5 * veins))[..., None] * ARTERY
    return colour


def _background(eye: Fundus, x: Plane, y: Plane) -> Plane:
    cloud = optics.sample(eye.choroid, x / 70, y / 70)
    streaks = optics.sample(eye.grain, x / 45 + 0.01 * cloud, y / 45)
    tone = 1 + np.float32(0.032) * cloud + np.float32(0.012 + 0.07 * eye.tessellation) * streaks
    fx, fy = x - np.float32(eye.fovea[0]), y - np.float32(eye.fovea[1])
    from_fovea = fx * fx + fy * fy
    dark, width, pit = (float(value) for value in eye.macula)
    shade = dark * np.exp(-from_fovea / (2 * width**2)) + pit * np.exp(-from_fovea / 1.6)
    near_disc = np.exp(-(x * x + y * y) / np.float32(60))
    colour = eye.base * tone[..., None]
    colour *= 1 - shade[..., None] * np.array([0.55, 0.75, 0.6], np.float32)
    colour *= 1 + near_disc[..., None] * np.array([0.06, 0.2, 0.2], np.float32)
    return np.asarray(colour, np.float32)


def _disc(colour: Plane, eye: Fundus, x: Plane, y: Plane) -> Plane:
    """Paint the disc and its cup, in place, and say where the disc is; the cup sits a little temporal."""
    wide, high, tilt, pale = (float(value) for value in eye.disc)
    c, s = np.float32(math.cos(tilt)), np.float32(math.sin(tilt))
    u, v = (c * x + s * y) / np.float32(wide), (c * y - s * x) / np.float32(high)
    radius = np.sqrt(u * u + v * v)
    cup_radius = np.sqrt((u + np.float32(0.1)) ** 2 + v * v)
    rim = eye.base * np.float32(0.45) + np.array([0.62, 0.45, 0.18], np.float32) * np.float32(
        0.6 + 0.4 * pale
    )
    floor = (eye.base / eye.base[0]) ** np.float32(0.3) * np.float32(1.0 + 0.12 * pale)
    disc = optics.soft(1 - radius, 0.2)
    for inside, paint in ((disc, rim), (optics.soft(eye.cup - cup_radius, 0.2), floor)):
        colour += inside[..., None] * (paint - colour)
    return disc


def _spots(colour: Plane, eye: Fundus, pose: Pose, n: int, over: int) -> None:
    """Paint exudates or small bleedings, in place."""
    for bright, paint in ((1, np.array([1.0, 0.85, 0.4])), (0, np.array([0.32, 0.06, 0.03]))):
        chosen = eye.lesions[eye.lesions[:, 3] == bright]
        if len(chosen):
            radii = chosen[:, 2] * n / (2 * pose.half)
            spots = optics.blots(n, over, pose.pixels(chosen[:, :2], n), radii)
            colour += (0.75 * spots)[..., None] * (paint.astype(np.float32) - colour)


def _field(camera: Rng, n: int) -> Plane:
    """The lit field on black: a circle, often cut at top and bottom, sometimes with a notch at its edge."""
    u = optics.picture_axis(n)
    radius = np.float32(camera.uniform(0.95, 1.0))
    cut = np.float32(camera.uniform(0.74, 0.88) if camera.random() < 0.6 else 1.0)
    notch, place = camera.random() < 0.4, camera.uniform(0.7, 0.85)
    distance = np.sqrt(np.add.outer(u * u, u * u))
    inside = np.clip((radius - distance) * (n / 2) + 0.5, 0, 1)
    inside *= np.clip((cut - np.abs(u)) * (n / 2) + 0.5, 0, 1)[:, None]
    if notch:
        px, py = math.cos(place) * radius, math.sin(place) * radius
        inside[np.ix_(np.abs(u + py) < 0.035, np.abs(u - px) < 0.035)] = 1
    return np.asarray(inside, np.float32)
