"""What every picture is held to, whatever its format: sizes, whole JPEG data, 8 bits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import AvatarflowError

DEPTHS = (8, 10, 12, 14, 16)
MOSTLY = 0.999
"""The share of values that tells how many bits a camera uses: a hot pixel must not darken its picture."""


class PictureError(AvatarflowError):
    """A picture that is refused; `reason` is a few plain words without file name or content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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


def check_scan(data: bytes) -> None:
    """Refuse a JPEG whose compressed data break off or are broken in the middle, where the decoder notices.

    Pillow decodes such data without a word.
    """
    try:
        simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)
    except ValueError as error:
        text = str(error)
        if text.startswith("Premature end"):
            raise PictureError("truncated") from None
        if text.startswith("Corrupt JPEG data"):
            raise PictureError("damaged") from None
        # other errors are kinds of JPEG that this decoder does not know
