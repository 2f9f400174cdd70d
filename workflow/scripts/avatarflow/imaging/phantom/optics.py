"""What both kinds of procedural eye share: the camera's place, smooth noise, strokes, light, blur, sensor noise."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

Plane = npt.NDArray[np.floating[Any]]
"""(n, n) or (n, n, 3) values at every point of a picture."""
Points = npt.NDArray[np.float64]
Rng = np.random.Generator

OVER = 2
"""Eyes are drawn this many times larger than asked and averaged down, which smooths every border."""
TEXTURE_SIDE = 160


@dataclass(frozen=True)
class Pose:
    """How the camera sees the eye: picture coordinates -1..1 (x right, y down) against eye coordinates.

    Eye coordinates are those of a right eye as seen in the picture (nasal is +x); a left eye is its mirror image.
    """

    turn_rad: float
    half: float
    """Eye units from the middle of the picture to its edge."""
    centre: tuple[float, float]
    """The eye point in the middle of the picture."""
    left: bool

    def grid(self, n: int) -> tuple[Plane, Plane]:
        """Eye coordinates of all pixel centres of an n x n picture."""
        u = picture_axis(n)
        c, s = math.cos(self.turn_rad) * self.half, math.sin(self.turn_rad) * self.half
        x = (c * u)[None, :] - (s * u)[:, None]
        y = (s * u)[None, :] + (c * u)[:, None]
        mirror = -1 if self.left else 1
        return np.float32(mirror) * x + np.float32(self.centre[0]), y + np.float32(self.centre[1])

    def pixels(self, points: Points, n: int) -> Points:
        """Pixel coordinates in an n x n picture of eye points (..., 2)."""
        x = (points[..., 0] - self.centre[0]) * (-1 if self.left else 1) / self.half
        y = (points[..., 1] - self.centre[1]) / self.half
        c, s = math.cos(self.turn_rad), math.sin(self.turn_rad)
        return (np.stack([c * x + s * y, c * y - s * x], -1) + 1) * (n / 2)


def picture_axis(n: int) -> Plane:
    """Pixel centres of one side in picture coordinates."""
    return ((np.arange(n, dtype=np.float32) + 0.5) * (2 / n) - 1).astype(np.float32)


def texture(rng: Rng, coarse: float, fine: float, stretch: float = 1.0) -> Plane:
    """Periodic smooth noise, TEXTURE_SIDE squared, mean 0 and deviation 1.

    Parameters
    ----------
    rng : Generator
    coarse, fine : float
        The band of wavelengths it is made of, as a share of the side (coarse > fine).
    stretch : float
        Features are this many times longer down the columns than across.
    """
    white = np.fft.rfft2(rng.standard_normal((TEXTURE_SIDE, TEXTURE_SIDE), np.float32))
    fy = np.fft.fftfreq(TEXTURE_SIDE)[:, None] * TEXTURE_SIDE * stretch
    fx = np.fft.rfftfreq(TEXTURE_SIDE)[None, :] * TEXTURE_SIDE
    f = np.hypot(fy, fx)
    shaped = white * (np.exp(-((f * fine) ** 2)) - np.exp(-((f * coarse) ** 2)))
    noise = np.fft.irfft2(shaped, s=white.shape[:1] * 2)
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)


def sample(field: Plane, x: Plane, y: Plane) -> Plane:
    """Values of a periodic texture at x (columns) and y (rows), both in shares of its side."""
    at = np.stack([y * TEXTURE_SIDE, x * TEXTURE_SIDE])
    return np.asarray(
        ndimage.map_coordinates(field, at, order=1, mode="grid-wrap", prefilter=False), np.float32
    )


def soft(value: Plane, width: float) -> Plane:
    """A soft step: 0 well below zero, 1 well above, `width` wide."""
    return np.asarray(0.5 + 0.5 * np.tanh(value * np.float32(2 / width)), np.float32)


def ribbons(
    n: int, over: int, lines: Points, widths: Points, strength: Points | None = None
) -> Plane:
    """Coverage (0..1) of tapering strokes on an n x n picture; where strokes cross, the last one counts.

    Parameters
    ----------
    n, over : int
        The picture's side, and how much finer the strokes are drawn.
    lines : (strokes, points, 2)
        Pixel coordinates on the n-sized picture.
    widths : (strokes, points)
        Full widths in pixels of the n-sized picture; a stroke ends where its width is 0.
    strength : (strokes) in 0..1, optional
        How much of its ground a stroke covers; 1 where not given.
    """
    along = np.gradient(lines, axis=1)
    along /= np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
    aside = (
        np.stack([-along[..., 1], along[..., 0]], -1)
        * np.maximum(widths * over, 0.7)[..., None]
        / 2
    )
    outline = np.concatenate([lines * over + aside, (lines * over - aside)[:, ::-1]], axis=1)
    ends = (widths > 0).sum(axis=1)
    points = lines.shape[1]
    fills = np.rint(255 * (np.ones(len(lines)) if strength is None else strength)).astype(int)
    picture = Image.new("L", (n * over, n * over))
    draw = ImageDraw.Draw(picture)
    for shape, end, fill in zip(outline, ends, fills.tolist(), strict=True):
        if end > 1:
            kept = np.concatenate([shape[:end], shape[2 * points - end :]])
            draw.polygon(kept.ravel().tolist(), fill=fill)
    return _coverage(picture, over)


def blots(n: int, over: int, centres: Points, radii: Iterable[float]) -> Plane:
    """Coverage (0..1) of round spots; pixel units as in `ribbons`."""
    picture = Image.new("L", (n * over, n * over))
    draw = ImageDraw.Draw(picture)
    for (x, y), radius in zip(centres * over, radii, strict=True):
        r = max(radius * over, 0.5)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    return _coverage(picture, over)


def _coverage(picture: Image.Image, over: int) -> Plane:
    reduced = picture.reduce(over) if over > 1 else picture
    return np.asarray(reduced, np.float32) / np.float32(255)


def shrink(plane: Plane, factor: int) -> Plane:
    """Average blocks of factor x factor points."""
    n = plane.shape[0] // factor
    shape = (n, factor, n, factor, *plane.shape[2:])
    return np.asarray(plane.reshape(shape).mean(axis=(1, 3), dtype=np.float32), np.float32)


def light(rng: Rng, n: int, vignette: float, slope: float) -> Plane:
    """Illumination over the picture: falls off from a wandering middle and along a random direction; about 1."""
    u = picture_axis(n)
    cx, cy = rng.normal(0, 0.25, 2)
    angle = rng.uniform(0, 2 * math.pi)
    fall = np.add.outer((u - np.float32(cy)) ** 2, (u - np.float32(cx)) ** 2) * np.float32(vignette)
    tilt = np.add.outer(
        u * np.float32(math.sin(angle)), u * np.float32(math.cos(angle))
    ) * np.float32(slope)
    return np.asarray(np.maximum(1 - fall + tilt, 0.05), np.float32)


def focus(colour: Plane, sigma_share: float) -> Plane:
    """Blur by a Gaussian whose deviation is a share of the picture's side."""
    sigma = sigma_share * colour.shape[0]
    if sigma < 0.15:
        return colour
    return np.asarray(
        ndimage.gaussian_filter(colour, (sigma, sigma, 0), mode="nearest", truncate=3.0), np.float32
    )


def sensor(rng: Rng, colour: Plane, noise: float) -> npt.NDArray[np.uint8]:
    """Sensor noise (stronger in the dark), then 8 bits."""
    grain = rng.standard_normal(colour.shape, np.float32) * np.float32(noise)
    seen = colour + grain * (1.2 - np.clip(colour, 0, 1))
    return np.asarray(np.clip(seen * 255 + 0.5, 0, 255), np.uint8)
