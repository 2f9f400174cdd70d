"""What every picture is held to, whatever its format: sizes, 8 bits, something to be seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import AvatarflowError

DEPTHS = (8, 10, 12, 14, 16)
MOSTLY = 0.999
"""The share of values that tells how many bits a camera uses: a hot pixel must not darken its picture."""

UNIFORM = 2
"""Levels between the darkest and the brightest value of each colour of a picture that shows nothing."""
TAIL = 0.001
"""The share of pixels at either end that does not count for it: a spot, a hot pixel."""


class PictureError(AvatarflowError):
    """A picture that is refused; `reason` is a few plain words without file name or content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@contextmanager
def refusing(
    reason: str, instead_of: type[Exception] | tuple[type[Exception], ...] = Exception
) -> Iterator[None]:
    """Refuse a picture for a reason in place of what a parser raises; a `PictureError` keeps its own.

    Hostile bytes may raise anything, and the text may quote them.
    """
    try:
        yield
    except PictureError:
        raise
    except instead_of:
        raise PictureError(reason) from None


@dataclass(frozen=True)
class Limits:
    """What a picture may be before it is refused; sizes are read from its header, before anything is decoded."""

    min_side_px: int = 32
    max_side_px: int = 20_000
    max_pixels: int = 100_000_000
    max_aspect: float = 4.0
    max_bytes: int = 1_000_000_000

    def check(self, width: int, height: int) -> None:
        """Raise `PictureError` for a picture of absurd size."""
        if min(width, height) < 1:
            raise PictureError("damaged")
        if width * height > self.max_pixels:
            raise PictureError("too many pixels")
        if min(width, height) < self.min_side_px:
            raise PictureError("too small")
        if max(width, height) > self.max_side_px:
            raise PictureError("side too long")
        if max(width, height) > self.max_aspect * min(width, height):
            raise PictureError("too elongated")


def eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Scale values of any depth to 8 bits.

    The depth is the smallest of `DEPTHS` that nearly all values fit into, as files do not say what the camera used.

    Raises
    ------
    PictureError
        `unsupported pixels`, for values outside 0 to 65535.
    """
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise PictureError("unsupported pixels")
    largest = np.quantile(values, MOSTLY)
    scale = next((2**bits - 1 for bits in DEPTHS if largest < 2**bits), high)
    return np.asarray(np.rint(np.minimum(values / scale, 1) * 255), np.uint8)


def gray_to_rgb(gray: npt.NDArray[np.uint8]) -> Pictures:
    """One channel three times."""
    return np.repeat(gray[..., None], 3, axis=2)


def shows_nothing(picture: Pictures) -> bool:
    """Whether a picture (height, width, 3) is of one colour, but for `UNIFORM` levels and for few pixels."""
    counts = np.reshape(Image.fromarray(picture).histogram(), (3, 256))
    share = np.cumsum(counts, axis=1) / counts[:1].sum()
    darkest, brightest = (share > TAIL).argmax(1), (share >= 1 - TAIL).argmax(1)
    return bool((brightest - darkest).max() <= UNIFORM)
