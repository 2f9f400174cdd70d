"""What a TIFF is held to: values that Pillow reads as they are meant, and whole JPEG data."""

from typing import Any

import simplejpeg
from PIL import Image

from .jpeg_checks import check_jpeg
from .picture_checks import Limits, PictureError

BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, PLANAR = 0x0102, 0x0103, 0x0106, 0x011C
EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES = 0x0152, 0x0153, 0x015B
WIDTH, HEIGHT, SUBSAMPLING = 0x0100, 0x0101, 0x0212
STRIPS = (0x0111, 0x0117)  # where the data lie, and how long they are
TILES = (0x0144, 0x0145)
TILE_SIDES = (0x0142, 0x0143)
APART = 2  # the value of PLANAR for planes of one colour each
PLAIN, OLD_JPEG, JPEG = 1, 6, 7  # values of COMPRESSION
YCBCR = 6  # the value of PHOTOMETRIC
SUBSAMPLINGS = ((1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4))
"""Those that libtiff reads of compressed data; (2, 2) is meant where a TIFF says none."""
TRANSPARENCY = 2  # the value of EXTRA_SAMPLES for colours that are not yet multiplied by it
MOST_AREA = 4
"""Times the most pixels of a picture that all its tiles may have: they reach beyond its edges."""
LEAST_AREA = 4096  # what a strip counts for at least, in pixels: millions of empty ones take time
UNSIGNED = (1, 4)  # the values of SAMPLE_FORMAT for whole numbers, and for "undefined"


def check_tiff(image: Image.Image, data: bytes, limits: Limits) -> None:
    """Refuse a TIFF, at its page in question, that would come out other than it is meant.

    Raises
    ------
    PictureError
        `unsupported pixels`, `truncated`, `damaged`, `too many pixels`, or colour planes that
        Pillow mixes up.
    """
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    depths = values_of(tags, BITS_PER_SAMPLE)
    deepest = max(depths, default=1)
    if any(value not in UNSIGNED for value in values_of(tags, SAMPLE_FORMAT)):
        raise PictureError("unsupported pixels")
    if image.mode == "CMYK" and deepest > 8:  # cut to its upper 8 bits, 12-bit ink is nearly none
        raise PictureError("unsupported pixels")
    if tags.get(PLANAR) == APART and len(depths) > 1 and deepest > 8:
        raise PictureError(f"TIFF with colour planes of {deepest} bits apart; save it as PNG")
    if tags.get(PHOTOMETRIC) == YCBCR and not _reads_subsampled(tags):
        raise PictureError("unsupported pixels")
    if tags.get(COMPRESSION) == JPEG:
        _check_jpegs(tags, data, limits)


def values_of(tags: Any, number: int) -> tuple[int, ...]:
    """Return all values of a tag, which Pillow may give as one number; none where it is missing."""
    value = tags.get(number, ())
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def is_white_zero(image: Image.Image) -> bool:
    """Whether a TIFF stores white as 0; Pillow inverts those of 8 bits and leaves those of 16."""
    return image.format == "TIFF" and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == 0


def has_transparency(image: Image.Image) -> bool:
    """Whether a fourth channel is transparency that is still to be laid on black.

    Where a TIFF does not say, Pillow takes it for that at 8 bits, and so do we at 16.
    """
    if image.format != "TIFF":
        return True
    return values_of(getattr(image, "tag_v2", {}), EXTRA_SAMPLES) in ((), (TRANSPARENCY,))


def _reads_subsampled(tags: Any) -> bool:
    """Whether the colours of YCbCr are as many as Pillow reads.

    Of data that are not compressed it reads all three colours of each pixel, whatever the
    subsampling, and what comes after the data in place of those that are not there.
    """
    compression, subsampling = tags.get(COMPRESSION, PLAIN), values_of(tags, SUBSAMPLING) or (2, 2)
    if compression in (OLD_JPEG, JPEG) or subsampling == (1, 1):
        return True
    if compression != PLAIN:
        return subsampling in SUBSAMPLINGS
    width, height = tags[WIDTH], tags[HEIGHT]
    lengths = TILES[1] if TILES[0] in tags else STRIPS[1]
    if TILES[0] in tags:  # they are whole at the edges, too
        width, height = (
            -(-side // tags[tile]) * tags[tile]
            for side, tile in zip((width, height), TILE_SIDES, strict=True)
        )
    return bool(sum(values_of(tags, lengths)) >= 3 * width * height)


def _check_jpegs(tags: Any, data: bytes, limits: Limits) -> None:
    """Check each strip or tile: a JPEG that may share its tables with the others."""
    offsets, lengths = TILES if TILES[0] in tags else STRIPS
    places, sizes = values_of(tags, offsets), values_of(tags, lengths)
    tables = bytes(tags.get(JPEG_TABLES) or b"")[:-2]  # without the marker of their end
    if len(places) != len(sizes):
        raise PictureError("damaged")
    left = MOST_AREA * limits.max_pixels
    for place, size in zip(places, sizes, strict=True):
        if place + size > len(data):
            raise PictureError("truncated")
        strip = data[place : place + size]
        jpeg = tables + strip[2:] if tables else strip
        left -= max(_area(jpeg), LEAST_AREA)
        if left < 0:  # it would be decoded to be checked
            raise PictureError("too many pixels")
        check_jpeg(jpeg)


def _area(jpeg: bytes) -> int:
    """Return the pixels of a strip by its header; 0 where the decoder does not know its kind."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(jpeg)
    except ValueError:
        return 0
    return int(height * width)
