"""Reading foreign pictures safely: nothing is trusted, nothing but pixels comes out, and refusals name no file."""

import io
import re
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from avatarflow.core.arrays import Pictures

from .colour_profile import in_srgb
from .deep_colour import is_deep, scaled_to_8_bits
from .formats.dicom_header import BARE
from .formats.jpeg_checks import check_jpeg, kind_not_read
from .formats.png_checks import check_indices, check_png, palette_length
from .formats.tiff_checks import check_tiff, is_white_zero, is_whole, use_palette_of_8_bits
from .formats.tiff_pages import STARTS, full_page, why_unread
from .orientation import UPRIGHT, take_xmp_orientation, turned
from .picture_checks import Limits, PictureError, eight_bits, gray_to_rgb, refusing

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "I;16B", "I;16L")
NOT_READ = {
    "GIF": re.compile(rb"GIF8"),
    "JPEG 2000": re.compile(rb"\x00\x00\x00\x0cjP|\xff\x4f\xff\x51"),
    "AVIF or HEIC": re.compile(rb".{4}ftyp(avi|hei|hev|mif)", re.DOTALL),
    "DICOM without its preamble": BARE,
    "PNM": re.compile(rb"P[1-7]\s"),
    "JPEG XL": re.compile(rb"\xff\x0a|\x00\x00\x00\x0cJXL "),
    "JPEG XR": re.compile(rb"II\xbc"),
    "ICO": re.compile(rb"\x00\x00\x01\x00"),
    "PCX": re.compile(rb"\x0a[\x00-\x05]\x01[\x01\x02\x04\x08]"),
    "PDF": re.compile(rb"%PDF-"),
    "SVG": re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg|<svg)", re.DOTALL),
}
MOST_TEXT = 2**24  # bytes of a text or colour profile in a PNG, inflated
FITS = ("pad", "crop", "stretch")
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
        `no such file`, `not a file`, `file cannot be read`, `empty file`, `not a picture`, `no pixel data`,
        `too many bytes`, `too many pixels`, `too small`, `side too long`, `too elongated`, `truncated`, `damaged`,
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
        from .formats.dicom_pixels import (
            read_dicom,  # pydicom is slow to load and most sets hold no DICOM
        )

        with refusing("damaged"):
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
        if image.mode not in MODES:
            raise PictureError("unsupported pixels")
        _check_format(image, data, limits)
        deep = is_deep(image, data)
        bits = 16 if deep or image.mode.startswith("I") else 8
        gray = image.mode in ("1", "L", "LA") or image.mode.startswith("I")
        pixels = _pixels(image, data, deep)
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
    PngImagePlugin.MAX_TEXT_CHUNK = MOST_TEXT  # type: ignore[assignment]  # texts and profiles
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        if data.startswith(STARTS):
            raise PictureError(why_unread(data)) from None
        named = (name for name, start in NOT_READ.items() if start.match(data))
        name = next(named, None) or kind_not_read(data)
        raise PictureError(
            f"{name} is not read; save it as PNG" if name else "not a picture"
        ) from None
    except Exception:
        # a parser fed with hostile bytes may raise anything, and its text may quote them
        raise PictureError("damaged") from None


def _choose_page(image: Image.Image, data: bytes) -> None:
    """Go to the one full page of a TIFF; refuse several pictures, but for those of an MPO, whose first one counts."""
    with refusing("damaged"):
        if image.format == "TIFF":
            image.seek(full_page(data))
        elif image.format != "MPO" and int(getattr(image, "n_frames", 1)) != 1:
            raise PictureError("more than one picture")


def _check_format(image: Image.Image, data: bytes, limits: Limits) -> None:
    """Refuse what Pillow would decode without a word, but not as it is meant."""
    with refusing("damaged"):
        if image.format in ("JPEG", "MPO"):
            check_jpeg(data)
        elif image.format == "PNG":
            check_png(data)
        elif image.format == "TIFF":
            check_tiff(image, data, limits)
            use_palette_of_8_bits(image)


def _pixels(image: Image.Image, data: bytes, deep: bool) -> Pictures:
    by_xmp = _load(image, len(data))
    if image.mode.startswith("I"):
        return gray_to_rgb(_gray(turned(image, by_xmp), is_white_zero(image)))
    if deep:
        image = scaled_to_8_bits(image, data)
    upright = turned(image, by_xmp)
    upright = in_srgb(upright, upright.info.get("icc_profile"))
    if upright.mode in ("LA", "PA", "RGBA") or "transparency" in upright.info:
        clear = upright.convert("RGBA")
        flat = Image.new("RGBA", clear.size, (*BLACK, 255))
        flat.alpha_composite(clear)
        upright = flat
    return np.array(upright.convert("RGB"))


def _load(image: Image.Image, size: int) -> int:
    """Decode the pixels of a file of that many bytes, and return the orientation that XMP adds to EXIF.

    XMP of a TIFF is read before, as loading turns the picture and forgets its EXIF orientation;
    that of others after, as it may follow the pixels.
    """
    is_tiff, length = image.format == "TIFF", palette_length(image)
    by_xmp = take_xmp_orientation(image) if is_tiff else UPRIGHT
    whole = image.format == "PNG" or (is_tiff and is_whole(image, size))  # a PNG is known to be
    try:
        image.load()
    except OSError:
        raise PictureError("damaged" if whole else "truncated") from None
    except Exception:
        raise PictureError("damaged") from None
    check_indices(image, length)
    return by_xmp if is_tiff else take_xmp_orientation(image)


def _gray(image: Image.Image, white_is_zero: bool) -> npt.NDArray[np.uint8]:
    """Scale gray of more than 8 bits to 8; the one value that a PNG calls transparent is black."""
    values = np.asarray(image)
    gray = eight_bits(values)
    gray = 255 - gray if white_is_zero else gray
    clear = image.info.get("transparency")
    return np.where(values == clear, 0, gray).astype(np.uint8) if isinstance(clear, int) else gray
