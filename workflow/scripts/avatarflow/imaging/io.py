"""Reading foreign pictures safely: nothing is trusted, nothing but pixels comes out, and refusals name no file."""

import io
import re
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from avatarflow.core.arrays import Pictures

from .colour_profile import in_srgb
from .deep_colour import BITS_PER_SAMPLE, is_deep, scaled_to_8_bits
from .picture_checks import (
    Limits,
    PictureError,
    check_chunks,
    check_scan,
    eight_bits,
    gray_to_rgb,
)
from .tiff_pages import full_page

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "I;16B", "I;16L")
NOT_READ = {
    "GIF": re.compile(rb"GIF8"),
    "JPEG 2000": re.compile(rb"\x00\x00\x00\x0cjP|\xff\x4f\xff\x51"),
    "AVIF or HEIC": re.compile(rb".{4}ftyp(avi|hei|hev|mif)", re.DOTALL),
    "DICOM without its preamble": re.compile(
        rb"[\x02\x08]\x00[\x00-\x18]\x00([A-Z]{2}|.\x00)", re.DOTALL
    ),
    "PNM": re.compile(rb"P[1-7]\s"),
}
FITS = ("pad", "crop", "stretch")
PHOTOMETRIC, PLANAR = 0x0106, 0x011C
APART = 2  # the value of PLANAR for planes of one colour each
BLACK = (0, 0, 0)


def read_picture(path: str | Path, limits: Limits | None = None) -> tuple[Pictures, dict[str, Any]]:
    """Read one picture and leave everything but its pixels behind.

    The orientation of EXIF, else of XMP, is applied, transparency is laid on black, and gray becomes RGB. A colour
    profile is applied. More than 8 bits are scaled to 8, from the smallest of 8, 10, 12, 14 and 16 bits that 99.9 % of
    its values fit into, as files do not say what the camera used.

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
        `no such file`, `not a file`, `file cannot be read`, `empty file`, `not a picture`, `too many bytes`,
        `too many pixels`, `too small`, `side too long`, `too elongated`, `truncated`, `damaged`,
        `more than one picture`, `unsupported pixels`, `annotation burned into the picture`.
    """
    limits = limits or Limits()
    return read_bytes(_bytes(Path(path), limits.max_bytes), limits)


def read_bytes(data: bytes, limits: Limits) -> tuple[Pictures, dict[str, Any]]:
    """As `read_picture`, for the content of a file."""
    if len(data) > limits.max_bytes:
        raise PictureError("too many bytes")
    if not data:
        raise PictureError("empty file")
    if data[128:132] == b"DICM":
        from .dicom_pixels import read_dicom  # pydicom is slow to load and most sets hold no DICOM

        return read_dicom(data, limits)
    return decode_picture(data, limits)


def decode_picture(data: bytes, limits: Limits) -> tuple[Pictures, dict[str, Any]]:
    """As `read_picture`, for the bytes of a picture that is not DICOM."""
    with warnings.catch_warnings():
        # warnings may quote metadata; sizes are checked against our limits
        warnings.simplefilter("ignore")
        image = _open(data)
        _choose_page(image, data)
        limits.check(*image.size)
        if image.format in ("JPEG", "MPO"):
            check_scan(data)
        if image.format == "PNG":
            check_chunks(data)
        if image.mode not in MODES:
            raise PictureError("unsupported pixels")
        _check_planes(image)
        deep = is_deep(image, data)
        bits = 16 if deep or image.mode.startswith("I") else 8
        gray = image.mode in ("1", "L", "LA") or image.mode.startswith("I")
        pixels = _pixels(image, data if deep else None)
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
    Image.MAX_IMAGE_PIXELS = None  # our own limits hold before anything is decoded
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        name = next((name for name, start in NOT_READ.items() if start.match(data)), None)
        raise PictureError(
            f"{name} is not read; save it as PNG" if name else "not a picture"
        ) from None
    except Exception:
        # a parser fed with hostile bytes may raise anything, and its text may quote them
        raise PictureError("damaged") from None


def _choose_page(image: Image.Image, data: bytes) -> None:
    """Go to the one full page of a TIFF; refuse several pictures, but for those of an MPO, whose first one counts."""
    try:
        if image.format == "TIFF":
            image.seek(full_page(data))
        elif image.format != "MPO" and int(getattr(image, "n_frames", 1)) != 1:
            raise PictureError("more than one picture")
    except PictureError:
        raise
    except Exception:  # a page may be damaged
        raise PictureError("damaged") from None


def _white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF stores white as 0; Pillow turns such pictures round at 8 bits and leaves those of 16."""
    return image.format == "TIFF" and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0


def _check_planes(image: Image.Image) -> None:
    """Refuse a TIFF that keeps its colours of more than 8 bits apart: Pillow mixes their bytes up."""
    tags = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    depths = tuple(tags.get(BITS_PER_SAMPLE, ()))
    if tags.get(PLANAR) == APART and len(depths) > 1 and max(depths) > 8:
        raise PictureError(f"TIFF with colour planes of {max(depths)} bits apart; save it as PNG")


def _pixels(image: Image.Image, deep: bytes | None) -> Pictures:
    try:
        image.load()
    except OSError:  # a PNG is known to be whole
        raise PictureError("damaged" if image.format == "PNG" else "truncated") from None
    except Exception:
        raise PictureError("damaged") from None
    if image.mode.startswith("I"):
        gray = eight_bits(np.asarray(_turned(image)))
        return gray_to_rgb(255 - gray if _white_is_zero(image) else gray)
    if deep is not None:
        image = scaled_to_8_bits(image, deep)
    turned = _turned(image)
    turned = in_srgb(turned, turned.info.get("icc_profile"))
    if turned.mode in ("LA", "PA", "RGBA") or "transparency" in turned.info:
        clear = turned.convert("RGBA")
        flat = Image.new("RGBA", clear.size, (*BLACK, 255))
        flat.alpha_composite(clear)
        turned = flat
    return np.array(turned.convert("RGB"))


def _turned(image: Image.Image) -> Image.Image:
    """The picture the right way up, by EXIF, else by XMP; what cannot be read counts as none."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image
