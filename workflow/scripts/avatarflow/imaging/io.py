"""Reading foreign pictures safely: nothing is trusted, nothing but pixels comes out, and refusals name no file."""

import io
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import AvatarflowError
from .shards import Pictures

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "I;16B", "I;16L")
FITS = ("pad", "crop", "stretch")
ORIENTATION = 0x0112
PHOTOMETRIC = 0x0106
BLACK = (0, 0, 0)


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
    """Pillow's own guard refuses above 178 million, whatever is set here."""
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


def read_picture(path: str | Path, limits: Limits | None = None) -> tuple[Pictures, dict[str, Any]]:
    """Read one picture and leave everything but its pixels behind.

    The orientation of EXIF is applied, transparency is laid on black, and gray becomes RGB. Gray of 16 bits is
    scaled to 8, from 12 where no value needs more, as is usual in medical exports.

    Parameters
    ----------
    path : path
        PNG, JPEG, TIFF, BMP, WebP or DICOM (one frame), recognised by content, whatever the name.
    limits : Limits, optional

    Returns
    -------
    (height, width, 3) uint8, and `format`, `width`, `height`, `gray`, `bits`.

    Raises
    ------
    PictureError
        `no such file`, `not a file`, `file cannot be read`, `not a picture`, `too many bytes`, `too many pixels`,
        `too small`, `side too long`, `too elongated`, `truncated`, `damaged`, `more than one picture`,
        `unsupported pixels`, `annotation burned into the picture`.
    """
    limits = limits or Limits()
    data = _bytes(Path(path), limits.max_bytes)
    if data[128:132] == b"DICM":
        from .dicom_pixels import read_dicom  # pydicom is slow to load and most sets hold no DICOM

        return read_dicom(data, limits)
    return decode_picture(data, limits)


def decode_picture(data: bytes, limits: Limits) -> tuple[Pictures, dict[str, Any]]:
    """As `read_picture`, for the bytes of a picture that is not DICOM."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings may quote metadata; sizes are checked against our limits
        image = _open(data)
        limits.check(*image.size)
        if _frames(image) > 1 and image.format != "MPO":
            raise PictureError("more than one picture")
        if image.mode not in MODES:
            raise PictureError("unsupported pixels")
        bits = 16 if image.mode.startswith("I") else 8
        gray = image.mode in ("1", "L", "LA") or bits == 16
        pixels = _pixels(image)
    info = {"format": "JPEG" if image.format == "MPO" else image.format, "gray": gray, "bits": bits}
    return pixels, info | {"width": pixels.shape[1], "height": pixels.shape[0]}


def resize_square(picture: Pictures, size_px: int, mode: str = "pad") -> Pictures:
    """A square version of a picture, antialiased.

    Parameters
    ----------
    picture : (height, width, 3) uint8
    size_px : int
        Side of the result.
    mode : str
        `pad` keeps all of it and adds black, `crop` keeps the middle square, `stretch` changes its proportions.

    Raises
    ------
    ValueError
        If the mode is none of these.
    """
    if mode not in FITS:
        raise ValueError(f"resize_square: mode {mode!r}; choose one of {', '.join(FITS)}")
    image, size = Image.fromarray(picture), (size_px, size_px)
    lanczos = Image.Resampling.LANCZOS
    if mode == "stretch" or image.width == image.height:
        fitted = image.resize(size, lanczos)
    elif mode == "crop":
        fitted = ImageOps.fit(image, size, lanczos)
    else:
        fitted = ImageOps.pad(image, size, lanczos, color=BLACK)
    return np.asarray(fitted)


def gray_to_rgb(gray: npt.NDArray[np.uint8]) -> Pictures:
    """One channel three times."""
    return np.repeat(gray[..., None], 3, axis=2)


def _bytes(path: Path, max_bytes: int) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise PictureError("not a file")
        if found.st_size > max_bytes:
            raise PictureError("too many bytes")
        return path.read_bytes()
    except FileNotFoundError:
        raise PictureError("no such file") from None
    except OSError:
        raise PictureError("file cannot be read") from None


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise PictureError("too many pixels") from None
    except UnidentifiedImageError:
        raise PictureError("not a picture") from None
    except Exception:  # a parser fed with hostile bytes may raise anything, and its text may quote them
        raise PictureError("damaged") from None


def _frames(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # counting walks through a TIFF's directories, which may be damaged
        raise PictureError("damaged") from None


def _white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF stores white as 0; Pillow turns such pictures round at 8 bits and leaves those of 16."""
    return image.format == "TIFF" and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0


def _pixels(image: Image.Image) -> Pictures:
    try:
        image.load()
    except OSError:
        raise PictureError("truncated") from None
    except Exception:
        raise PictureError("damaged") from None
    turned = _turned(image)
    if turned.mode.startswith("I"):
        gray = _eight_bits(np.asarray(turned))
        return gray_to_rgb(255 - gray if _white_is_zero(image) else gray)
    if turned.mode in ("LA", "PA", "RGBA") or "transparency" in turned.info:
        clear = turned.convert("RGBA")
        flat = Image.new("RGBA", clear.size, (*BLACK, 255))
        flat.alpha_composite(clear)
        turned = flat
    return np.array(turned.convert("RGB"))


def _turned(image: Image.Image) -> Image.Image:
    """The picture the right way up; EXIF that cannot be read counts as none."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _eight_bits(gray: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    low, high = int(gray.min()), int(gray.max())
    if low < 0 or high > 65535:
        raise PictureError("unsupported pixels")
    scale = 4095 if high < 4096 else 65535
    return np.asarray(np.rint(gray.astype(np.float64) * (255 / scale)), np.uint8)
