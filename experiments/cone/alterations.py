"""What somebody who wants to get a copy past the filter may do to a picture; none of it was calibrated on.

Used by keypoints_fundus.py and two_kinds.py. Neither torch nor faiss here.
"""

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture after a JPEG export."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """The picture at another size."""
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))


def crop(picture: np.ndarray, share: float) -> np.ndarray:
    """The middle of the picture, at full size."""
    side, edge = len(picture), round(len(picture) * (1 - share) / 2)
    return resized(np.ascontiguousarray(picture[edge : side - edge, edge : side - edge]), side)


def box(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """A black square over a share of the area."""
    out, side = picture.copy(), len(picture)
    edge = round(side * np.sqrt(share))
    row, column = rng.integers(0, side - edge + 1, 2)
    out[row : row + edge, column : column + edge] = 0
    return out


def pasted(part: str, picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A part of the picture in another eye."""
    out, side = other.copy(), len(picture)
    where = (
        (slice(None), slice(0, side // 2))
        if part == "left"
        else (slice(side // 4, -side // 4),) * 2
    )
    out[where] = picture[where]
    return out


def framed(picture: np.ndarray) -> np.ndarray:
    """A white frame of a tenth."""
    out, edge = picture.copy(), len(picture) // 10
    out[:edge] = out[-edge:] = 255
    out[:, :edge] = out[:, -edge:] = 255
    return out


def montage(picture: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """The picture as one of four."""
    half = len(picture) // 2
    cells = [resized(each, half) for each in (others[0], picture, others[1], others[2])]
    return np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])])


def inset(
    picture: np.ndarray, share: float, ground: np.ndarray, place: tuple[float, float] = (0.5, 0.5)
) -> np.ndarray:
    """The picture at a share of its side on another ground, so far from top and left edge (0 to 1)."""
    out, side = ground.astype(np.uint8), round(share * len(picture))
    top, left = (round((len(picture) - side) * each) for each in place)
    out[top : top + side, left : left + side] = resized(picture, side)
    return out


def dots(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """A share of the pixels in random colours."""
    out, where = picture.copy(), rng.random(picture.shape[:2]) < share
    out[where] = rng.integers(0, 256, (where.sum(), 3))
    return out


def ruled(picture: np.ndarray, apart: int, crossed: bool = False) -> np.ndarray:
    """Thin white rows, so many pixels apart, and black columns where they are crossed."""
    out = picture.copy()
    out[::apart] = 255
    if crossed:
        out[:, ::apart] = 0
    return out


def noise(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of all levels."""
    return rng.integers(0, 256, picture.shape, dtype=np.uint8)


def faint_noise(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of 25 levels about the picture's mean colour."""
    return (picture.mean((0, 1)) + rng.normal(0, 25, picture.shape)).clip(0, 255)


def warped(picture: np.ndarray) -> np.ndarray:
    """Seen from the side."""
    side = len(picture)
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    moved = corners + side * np.array([[0.1, 0.05], [-0.05, 0.1], [0, -0.1], [0.05, 0]], np.float32)
    return np.asarray(
        cv2.warpPerspective(picture, cv2.getPerspectiveTransform(corners, moved), (side, side))
    )


def swirled(picture: np.ndarray) -> np.ndarray:
    """Turned by up to 60 degrees in the middle, less outside."""
    side = len(picture)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    angle = np.radians(60) * np.exp(-np.hypot(x, y) / (side / 4))
    rows = np.sin(angle) * x + np.cos(angle) * y + (side - 1) / 2
    columns = np.cos(angle) * x - np.sin(angle) * y + (side - 1) / 2
    planes = [
        map_coordinates(picture[..., c], (rows, columns), order=1, mode="nearest") for c in range(3)
    ]
    return np.stack(planes, axis=2)


def mosaic(picture: np.ndarray) -> np.ndarray:
    """32 cells a side, each of one colour."""
    return np.asarray(
        Image.fromarray(resized(picture, 32)).resize(picture.shape[:2], Image.Resampling.NEAREST)
    )


def screen(picture: np.ndarray) -> np.ndarray:
    """Every second row and column darker, as on a photographed screen."""
    out = picture.astype(float)
    out[::2] *= 0.6
    out[:, ::2] *= 0.8
    return out.astype(np.uint8)


def recoloured(picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean and spread of each colour as in another eye."""
    one, two = picture.reshape(-1, 3).astype(float), other.reshape(-1, 3).astype(float)
    moved = (picture - one.mean(0)) / (one.std(0) + 1e-6) * two.std(0) + two.mean(0)
    return np.clip(moved, 0, 255).astype(np.uint8)


def combined(picture: np.ndarray) -> np.ndarray:
    """Turn, crop, gamma and JPEG."""
    turned = np.asarray(Image.fromarray(picture).rotate(8, Image.Resampling.BICUBIC))
    return jpeg((255 * (crop(turned, 0.8) / 255.0) ** 1.5).astype(np.uint8), 30)


Altering = Callable[[np.ndarray, list[np.ndarray], np.random.Generator], np.ndarray]
ALTERATIONS: dict[str, Altering] = {
    "channel order swapped": lambda p, o, r: np.ascontiguousarray(p[..., [2, 0, 1]]),
    "half blacked out": lambda p, o, r: np.concatenate(
        [p[:, : len(p) // 2], np.zeros_like(p[:, len(p) // 2 :])], 1
    ),
    "shrunk onto black": lambda p, o, r: inset(p, 0.5, np.zeros_like(p)),
    "2 x 2 montage": lambda p, o, r: montage(p, o),
    "40 % occlusion": lambda p, o, r: box(p, 0.4, r),
    "white frame": lambda p, o, r: framed(p),
    "quarter turn": lambda p, o, r: np.rot90(p).copy(),
    "left half in another eye": lambda p, o, r: pasted("left", p, o[0]),
    "middle in another eye": lambda p, o, r: pasted("middle", p, o[0]),
    "crop to 65 %": lambda p, o, r: crop(p, 0.65),
    "half blend": lambda p, o, r: p // 2 + o[0] // 2,
    "grey": lambda p, o, r: np.repeat(p.mean(2, keepdims=True), 3, 2).astype(np.uint8),
    "negative": lambda p, o, r: 255 - p,
    "mirrored": lambda p, o, r: np.ascontiguousarray(p[:, ::-1]),
    "colour transfer": lambda p, o, r: recoloured(p, o[0]),
    "perspective": lambda p, o, r: warped(p),
    "swirl": lambda p, o, r: swirled(p),
    "mosaic": lambda p, o, r: mosaic(p),
    "screen pattern": lambda p, o, r: screen(p),
    "turn + crop + gamma + JPEG": lambda p, o, r: combined(p),
    "JPEG quality 10": lambda p, o, r: jpeg(p, 10),
    "noise of 25 levels": lambda p, o, r: np.clip(p + r.normal(0, 25, p.shape), 0, 255).astype(
        np.uint8
    ),
    "shrunk to .8 onto noise": lambda p, o, r: inset(p, 0.8, noise(p, r)),
    "shrunk to .7 onto noise": lambda p, o, r: inset(p, 0.7, noise(p, r)),
    "shrunk to .6 onto noise": lambda p, o, r: inset(p, 0.6, noise(p, r)),
    "shrunk to .6 onto noise, in a corner": lambda p, o, r: inset(p, 0.6, noise(p, r), (0, 0)),
    "shrunk to .6 onto faint noise": lambda p, o, r: inset(p, 0.6, faint_noise(p, r)),
    "shrunk to .6 onto another eye": lambda p, o, r: inset(p, 0.6, o[0].copy()),
    "shrunk to .5 onto noise": lambda p, o, r: inset(p, 0.5, noise(p, r)),
    "shrunk to .6 onto noise, at an edge": lambda p, o, r: inset(p, 0.6, noise(p, r), (0, 0.5)),
    "shrunk to .4 onto noise": lambda p, o, r: inset(p, 0.4, noise(p, r)),
    "dots on 15 % of the pixels": lambda p, o, r: dots(p, 0.15, r),
    "white rows, 4 px apart": lambda p, o, r: ruled(p, 4),
    "grid of lines, 4 px apart": lambda p, o, r: ruled(p, 4, crossed=True),
}


def altered(pictures: np.ndarray, others: np.ndarray, kind: str, seed: int) -> np.ndarray:
    """Return every picture (n, h, w, 3) altered once; what needs further eyes takes three of the others."""
    out = []
    for number, picture in enumerate(pictures):
        rng = np.random.default_rng([seed, list(ALTERATIONS).index(kind), number])
        three = [others[place] for place in rng.integers(0, len(others), 3)]
        out.append(np.ascontiguousarray(ALTERATIONS[kind](picture, three, rng)))
    return np.stack(out)
