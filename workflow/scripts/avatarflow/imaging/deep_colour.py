"""Colour of more than 8 bits: Pillow keeps the upper 8 of 16 bits, so that 12-bit colour would be nearly black."""

import contextlib

import cv2
import numpy as np
from PIL import Image

from .formats.tiff_checks import BITS_PER_SAMPLE, has_transparency, values_of
from .orientation import ORIENTATION
from .picture_checks import PictureError, eight_bits, refusing

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it quotes what it reads
PNG_DEPTH = slice(24, 25)  # the byte of the first chunk that says how many bits a value has


def is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether a PNG or TIFF holds colour of 16 bits that Pillow would cut to 8."""
    if image.mode not in ("LA", "RGB", "RGBA"):
        return False
    tags = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    png = image.format == "PNG" and data[PNG_DEPTH] == b"\x10"
    return png or 16 in values_of(tags, BITS_PER_SAMPLE)


def scaled_to_8_bits(image: Image.Image, data: bytes) -> Image.Image:
    """The picture at 8 bits, all colours by one scale, with the profile and EXIF turn of `image`.

    Parameters
    ----------
    image : PIL image
        What Pillow makes of `data`, at the page that is wanted; its pixels are not used.
    data : bytes
        A PNG or TIFF with 16 bits a colour.

    Raises
    ------
    PictureError
        `damaged`, where OpenCV cannot decode it.
    """
    page = image.tell()
    with refusing("damaged", cv2.error):
        _, pages = cv2.imdecodemulti(
            np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED, range=(page, page + 1)
        )
    values = np.asarray(pages[0] if pages else ())
    height, width = image.height, image.width
    shapes = ((height, width, 3), (height, width, 4))
    if values.dtype != np.uint16 or values.shape not in shapes:
        raise PictureError("damaged")
    colours = eight_bits(values[..., 2::-1])  # OpenCV orders blue, green, red
    if values.shape[2] == 4 and has_transparency(image):
        clear = np.rint(values[..., 3:] / 257).astype(np.uint8)
        colours = np.concatenate([colours, clear], axis=2)
    scaled = Image.fromarray(colours)
    scaled.info = {"icc_profile": image.info.get("icc_profile")}
    with contextlib.suppress(Exception):  # EXIF that cannot be read counts as none
        scaled.getexif()[ORIENTATION] = image.getexif().get(ORIENTATION, 1)
    return scaled
