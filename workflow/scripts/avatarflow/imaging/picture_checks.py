"""What every picture is checked for, whatever its format: sizes, and JPEG data that are whole."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import simplejpeg

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import AvatarflowError


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
