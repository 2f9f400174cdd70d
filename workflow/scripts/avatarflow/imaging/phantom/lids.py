"""The lids of a procedural eye: their edges, the skin around them and the lashes; units as in `iris`."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import optics as optics
from .optics import Plane, Points, Pose, Rng

LASHES = {"female": (60, 0.52, 0.042), "male": (26, 0.24, 0.03)}
"""Number on the upper lid, length and width."""
MARGIN = {"female": 0.11, "male": 0.03}
"""Thickness of the dark line along the upper lid."""
STEPS = 7


@dataclass(frozen=True)
class Lids:
    """Shape of both lids and all lashes of one eye."""

    temporal: tuple[float, float]
    nasal: tuple[float, float]
    height: tuple[float, float]
    """How far the upper and the lower lid arch over the line between the corners."""
    peak: tuple[float, float]
    """Where they arch most, from temporal (0) to nasal (1)."""
    crease: float
    margin: float
    upper_lashes: npt.NDArray[np.float64]
    """(lashes, 4): place along the lid, length, width, lean."""
    lower_lashes: npt.NDArray[np.float64]
    grain: Plane

    def edges(self, x: Plane, opening: float) -> tuple[Plane, Plane]:
        """Height of the upper and the lower edge at x; they meet at the corners."""
        t = (x - np.float32(self.temporal[0])) / np.float32(self.nasal[0] - self.temporal[0])
        line = np.float32(self.temporal[1]) + t * np.float32(self.nasal[1] - self.temporal[1])
        upper = line - np.float32(self.height[0] * opening) * _arch(t, self.peak[0])
        return upper, line + np.float32(self.height[1]) * _arch(t, self.peak[1])

    def paint_skin(
        self, x: Plane, y: Plane, upper: Plane, lower: Plane, skin: npt.NDArray[np.float32]
    ) -> Plane:
        """Skin with its crease, the shadow towards the nose, the lid rims and a grain."""
        above, below = upper - y, y - lower
        tone = 1 + np.float32(0.03) * optics.sample(self.grain, x / 6, y / 6)
        tone -= np.float32(0.32) * np.exp(-(((above - np.float32(self.crease)) / 0.07) ** 2))
        tone -= np.float32(0.12) * np.exp(-(((above - np.float32(self.crease + 0.25)) / 0.3) ** 2))
        tone -= np.float32(0.14) * np.exp(-(((below - 0.45) / 0.3) ** 2))
        tone -= np.float32(0.16) * np.clip((x - 1.5) / 1.2, 0, 1) * np.clip(1.2 - y, 0, 1)
        colour = skin * tone[..., None]
        rim = (np.exp(-((below / 0.09) ** 2)) * optics.soft(below, 0.06))[..., None]
        colour += (
            np.float32(0.35) * rim * (np.array([0.85, 0.58, 0.52], np.float32) * skin[0] - colour)
        )
        dark = np.exp(-((above / np.float32(self.margin)) ** 2)) * (below < 0)
        return np.asarray(colour * (1 - np.float32(0.75) * dark)[..., None], np.float32)


def _arch(t: Plane, peak: float) -> Plane:
    """0 at the corners, 1 at the peak, 0 outside."""
    t = np.clip(t, 0, 1)
    b = 0.72
    a = b * peak / (1 - peak)
    top = peak**a * (1 - peak) ** b
    return np.asarray(t ** np.float32(a) * (1 - t) ** np.float32(b) / np.float32(top), np.float32)


def make_lids(person: Rng, eye: Rng, sex: str) -> Lids:
    """Lid shape mostly of the person, lashes of the eye."""
    count, length, width = LASHES[sex]
    return Lids(
        temporal=(-2.0 + person.normal(0, 0.06), person.normal(-0.14, 0.07)),
        nasal=(2.02 + person.normal(0, 0.05), person.normal(0.24, 0.05)),
        height=(person.uniform(0.86, 1.1), person.uniform(0.78, 0.95)),
        peak=(0.56 + person.normal(0, 0.02), 0.42 + person.normal(0, 0.02)),
        crease=person.uniform(0.18, 0.5),
        margin=MARGIN[sex] * person.uniform(0.85, 1.15),
        upper_lashes=_lashes(eye, count, length * person.uniform(0.85, 1.15), width),
        lower_lashes=_lashes(eye, count // 2, 0.45 * length, 0.6 * width),
        grain=optics.texture(eye, 0.1, 0.006),
    )


def _lashes(eye: Rng, count: int, length: float, width: float) -> npt.NDArray[np.float64]:
    place = 0.03 + 0.85 * (np.arange(count) + eye.uniform(0, 1, count)) / count
    longer = 0.75 + 0.5 * (1 - place)  # lashes grow longer towards the temple
    lengths = length * longer * eye.uniform(0.7, 1.15, count)
    return np.column_stack(
        [place, lengths, width * eye.uniform(0.7, 1.2, count), eye.normal(0, 0.14, count)]
    )


def lashes(lids: Lids, pose: Pose, n: int, opening: float) -> Plane:
    """Coverage (0..1) of all lashes on an n x n picture."""
    upper, lower = (
        _curves(lids, rows, opening, low)
        for rows, low in ((lids.upper_lashes, 0), (lids.lower_lashes, 1))
    )
    widths = np.concatenate([lids.upper_lashes, lids.lower_lashes])[:, 2:3] * np.linspace(
        1, 0.25, STEPS
    )
    lines = pose.pixels(np.concatenate([upper, lower]), n)
    return optics.ribbons(n, 2 if n <= 320 else 1, lines, widths * n / (2 * pose.half))


def _curves(lids: Lids, rows: npt.NDArray[np.float64], opening: float, low: int) -> Points:
    """Curved lines from the lid's edge outwards, fanned from the middle to both corners."""
    place, length, _, lean = rows.T
    x = lids.temporal[0] + place * (lids.nasal[0] - lids.temporal[0])
    y = lids.edges(x.astype(np.float32), opening)[low].astype(float)
    away = 1 if low else -1
    q = np.linspace(0, 1, STEPS)
    fan = (place - 0.55) * 1.7 + lean
    bend = fan[:, None] * (0.1 + 1.1 * q)
    reach = length[:, None] * q
    lift = reach * np.cos(bend) * (0.25 + 0.75 * q)  # they start flat, then curl up
    return np.stack([x[:, None] + reach * np.sin(bend), y[:, None] + away * lift], -1)
