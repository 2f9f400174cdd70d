"""Identity-preserving perturbations: what a picture may undergo and still show the same eye.

Each family is one small function of a batch, strengths in [0, 1] and one generator per picture; strength 1 is the
strongest change that a camera, an archive or a careless copyist realistically makes. Training goes beyond it. The
registry `FAMILIES` holds them by name.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch.nn import functional

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse

Batch: TypeAlias = torch.Tensor  # (n, 3, h, w) float32 in [0, 1]
Strengths: TypeAlias = torch.Tensor  # (n,) float32 in [0, 1]
Generators: TypeAlias = Sequence[np.random.Generator]
Perturbation = Callable[[Batch, Strengths, Generators], Batch]

MAX_ROTATION_DEG = 15.0
MAX_SHIFT = 0.08  # of the side
MAX_ZOOM = 1.15
MIN_CROP = 0.85  # of the side
MAX_EXPOSURE = 1.35
MAX_CONTRAST = 1.4
MAX_GAMMA = 1.5
MAX_SATURATION = 0.4  # off the picture's own saturation
MAX_GAIN = 0.10  # of one colour channel
MAX_BLUR = 0.010  # standard deviation, of the side
MAX_NOISE = 0.03  # standard deviation, of full scale
MIN_JPEG_QUALITY = 50
MAX_OCCLUSION = 0.20  # of the side
MAX_ELASTIC = 0.015  # standard deviation of the displacement, of the side
ELASTIC_GRID = 5  # control points a side
BLOCK = 128


@dataclass(frozen=True)
class Family:
    """One family: its function, what strength 1 means, and which kind of change it is."""

    apply: Perturbation
    kind: str  # geometric, photometric, quality or occlusion
    strongest: str


def _signs(generators: Generators) -> torch.Tensor:
    return torch.tensor([1.0 if each.random() < 0.5 else -1.0 for each in generators])


def _uniform(generators: Generators, count: int) -> torch.Tensor:
    """(n, count) numbers in [-1, 1)."""
    return torch.from_numpy(
        np.stack([each.uniform(-1, 1, count) for each in generators]).astype(np.float32)
    )


def _column(values: torch.Tensor) -> torch.Tensor:
    # (n,) -> (n, 1, 1, 1), beside pictures (n, 3, h, w)
    return values.view(-1, 1, 1, 1)


def _affine(pictures: Batch, matrix: torch.Tensor) -> Batch:
    """Resample by (n, 2, 3) matrices that map output to input coordinates in [-1, 1]; edges are repeated outwards."""
    grid = functional.affine_grid(matrix, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def _matrix(a: torch.Tensor, b: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(n, 2, 3) matrices of the similarity with cosine part `a`, sine part `b` and offset (x, y)."""
    # two of (n, 3) -> (n, 2, 3)
    return torch.stack([torch.stack([a, -b, x], 1), torch.stack([b, a, y], 1)], 1)


def rotation(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Return a turn about the middle, either way."""
    angle = torch.deg2rad(strengths * _signs(generators) * MAX_ROTATION_DEG)
    nothing = torch.zeros_like(angle)
    return _affine(pictures, _matrix(angle.cos(), angle.sin(), nothing, nothing))


def shift(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Return a move in any direction."""
    direction = torch.pi * _uniform(generators, 1)[:, 0]
    length = 2 * MAX_SHIFT * strengths
    one = torch.ones_like(length)
    return _affine(
        pictures, _matrix(one, 0 * one, length * direction.cos(), length * direction.sin())
    )


def zoom(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Larger or smaller about the middle."""
    scale = MAX_ZOOM ** (strengths * _signs(generators))
    nothing = torch.zeros_like(scale)
    return _affine(pictures, _matrix(scale, nothing, nothing, nothing))


def crop(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Return a part of the picture, anywhere in it, enlarged to full size."""
    side = 1 - strengths * (1 - MIN_CROP)
    return cut(pictures, side, _uniform(generators, 2) * (1 - side)[:, None])


def cut(pictures: Batch, side: torch.Tensor, place: torch.Tensor) -> Batch:
    """The square of `side` (n,), a share of the picture's, about `place` (n, 2) in [-1, 1], enlarged to full size."""
    return _affine(pictures, _matrix(side, 0 * side, place[:, 0], place[:, 1]))


def flip(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Return the mirror image, left for right; it has no strength."""
    del strengths, generators
    return pictures.flip(3)


def brightness(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """More or less light: every value times one factor."""
    return (pictures * _column(MAX_EXPOSURE ** (strengths * _signs(generators)))).clamp(0, 1)


def contrast(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Stretched or squeezed about the picture's own mean."""
    mean = _column(torch.stack([picture.mean() for picture in pictures]))
    return (
        mean + (pictures - mean) * _column(MAX_CONTRAST ** (strengths * _signs(generators)))
    ).clamp(0, 1)


def gamma(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Another tone curve."""
    return pictures.clamp(0, 1) ** _column(MAX_GAMMA ** (strengths * _signs(generators)))


def colour(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Another saturation and another white balance."""
    drawn = _uniform(generators, 4) * strengths[:, None]
    grey = pictures.mean(1, keepdim=True)
    # (n, 1, h, w) and (n, 3, h, w)
    saturated = grey + (pictures - grey) * _column(1 + MAX_SATURATION * drawn[:, 0])
    return (saturated * (1 + MAX_GAIN * drawn[:, 1:])[:, :, None, None]).clamp(0, 1)


def blur(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Out of focus."""
    del generators
    sigmas = (strengths * MAX_BLUR * pictures.shape[-1]).tolist()
    blurred = [
        ndimage.gaussian_filter(p, (0, s, s)) for p, s in zip(pictures.numpy(), sigmas, strict=True)
    ]
    return torch.from_numpy(np.stack(blurred))


def noise(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Sensor noise, independent in every pixel and channel."""
    shape = pictures.shape[1:]
    drawn = torch.from_numpy(
        np.stack([each.standard_normal(shape, np.float32) for each in generators])
    )
    return (pictures + _column(strengths * MAX_NOISE) * drawn).clamp(0, 1)


def jpeg(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Saved once more as JPEG."""
    del generators
    qualities = [max(1, round(95 - s * (95 - MIN_JPEG_QUALITY))) for s in strengths.tolist()]
    saved = [_saved_as_jpeg(p, q) for p, q in zip(to_pictures(pictures), qualities, strict=True)]
    return to_batch(np.stack(saved))


def _saved_as_jpeg(picture: Pictures, quality: int) -> Pictures:
    buffer = io.BytesIO()
    Image.fromarray(picture, "RGB").save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def occlusion(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Return a rectangle of one colour over a part of the picture: an eyelid, a stamp, a label."""
    occluded = pictures.clone()
    height, width = pictures.shape[2:]
    for picture, strength, each in zip(occluded, strengths.tolist(), generators, strict=True):
        y, x, tall, wide, *colour_of = each.uniform(0, 1, 7)
        rows, columns = (
            max(1, round(side * MAX_OCCLUSION * strength * (0.6 + 0.4 * part)))
            for side, part in ((height, tall), (width, wide))
        )
        top, left = int(y * (height - rows + 1)), int(x * (width - columns + 1))
        picture[:, top : top + rows, left : left + columns] = torch.tensor(
            colour_of, dtype=torch.float32
        )[:, None, None]
    return occluded


def elastic(pictures: Batch, strengths: Strengths, generators: Generators) -> Batch:
    """Return a smooth random warp."""
    return warp(pictures, strengths * MAX_ELASTIC, generators, ELASTIC_GRID)


def warp(pictures: Batch, size: torch.Tensor, generators: Generators, points: int) -> Batch:
    """A smooth warp: displacements of standard deviation `size` (n,) of the side at `points` x `points` controls."""
    n, _, height, width = pictures.shape
    drawn = torch.from_numpy(
        np.stack([each.standard_normal((2, points, points), np.float32) for each in generators])
    )
    field = functional.interpolate(
        2 * _column(size) * drawn, size=(height, width), mode="bicubic", align_corners=True
    )  # (n, 2, h, w) in [-1, 1] units
    # (n, 2, h, w) -> (n, h, w, 2), as the grid has it
    still = torch.eye(2, 3).expand(n, 2, 3)
    grid = functional.affine_grid(still, list(pictures.shape), align_corners=False) + field.permute(
        0, 2, 3, 1
    )
    return functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


FAMILIES: dict[str, Family] = {
    "rotation": Family(rotation, "geometric", "15 degrees"),
    "shift": Family(shift, "geometric", "8 % of the side"),
    "zoom": Family(zoom, "geometric", "a factor of 1.15 either way"),
    "crop": Family(crop, "geometric", "85 % of the side kept"),
    "flip": Family(flip, "geometric", "the mirror image"),
    "brightness": Family(brightness, "photometric", "a factor of 1.35 either way"),
    "contrast": Family(contrast, "photometric", "a factor of 1.4 either way"),
    "gamma": Family(gamma, "photometric", "an exponent of 1.5 or its inverse"),
    "colour": Family(colour, "photometric", "saturation 40 % and channel gains 10 % off"),
    "blur": Family(blur, "quality", "a standard deviation of 1 % of the side"),
    "noise": Family(noise, "quality", "a standard deviation of 3 % of full scale"),
    "jpeg": Family(jpeg, "quality", "quality 50"),
    "occlusion": Family(occlusion, "occlusion", "a rectangle with sides up to 20 %"),
    "elastic": Family(
        elastic, "geometric", "a displacement with standard deviation 1.5 % of the side"
    ),
}


def family(name: str) -> Family:
    """Return the family of that name.

    Raises
    ------
    AvatarflowError
        If there is none.
    """
    if name not in FAMILIES:
        raise refuse(
            "perturbation families",
            f"there is no family {name!r}",
            f"choose from {', '.join(FAMILIES)}",
        )
    return FAMILIES[name]


@dataclass(frozen=True)
class Drawn:
    """Which perturbations are drawn of each picture.

    Parameters
    ----------
    families : names
        Of `FAMILIES`.
    draws : int
        A family and picture.
    seed : int
    purpose : str
        `"own"` for R, `"calibration"`, `"test"`, `"retrieval"`: perturbations of two purposes are never the same.
    """

    families: Sequence[str]
    draws: int
    seed: int
    purpose: str

    @property
    def count(self) -> int:
        """Perturbations a picture."""
        return len(self.families) * self.draws


def to_batch(pictures: Pictures) -> Batch:
    """(n, h, w, 3) uint8 as (n, 3, h, w) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float() / 255


def to_pictures(batch: Batch) -> Pictures:
    """(n, 3, h, w) float in [0, 1] as (n, h, w, 3) uint8."""
    rounded = (batch.clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(rounded.permute(0, 2, 3, 1).numpy())


def alter(
    pictures: Pictures,
    name: str,
    draws: int,
    seed: int,
    items: Iterable[int],
    purpose: str = "alter",
    only: Sequence[int] | None = None,
) -> Pictures:
    """Perturb pictures by one family, the perturbations of a picture one after another.

    Parameters
    ----------
    pictures : (n, h, w, 3) uint8
    name : str
        A key of `FAMILIES`.
    draws : int
        Perturbations a picture; number j of d has a strength drawn from [j/d, (j+1)/d), so that the whole ladder is
        met.
    seed, items, purpose
        One item number a picture; each perturbation has its own seed, so block size and order change nothing.
    only : sequence of int, optional
        The perturbations of each picture that are made, by number; all without it.

    Returns
    -------
    (n * draws, h, w, 3) uint8; of each picture `only` those asked for

    Raises
    ------
    AvatarflowError
        If there is no such family.
    """
    apply = family(name).apply
    asked = range(draws) if only is None else only
    numbers = [(row, int(item), draw) for row, item in enumerate(items) for draw in asked]
    out = np.empty((len(numbers), *pictures.shape[1:]), np.uint8)
    for start in range(0, len(numbers), BLOCK):
        block = numbers[start : start + BLOCK]
        generators = [
            seeds.generator(seed, f"{purpose}-{name}", item, draw) for _, item, draw in block
        ]
        ladder = [
            (draw + each.random()) / draws
            for (_, _, draw), each in zip(block, generators, strict=True)
        ]
        strengths = torch.tensor(ladder, dtype=torch.float32)
        originals = to_batch(pictures[[row for row, _, _ in block]])
        out[start : start + len(block)] = to_pictures(apply(originals, strengths, generators))
    return out
