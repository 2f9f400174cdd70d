"""What a TIFF is held to: values that Pillow reads as they are meant, and whole JPEG data."""

import re
import zlib
from typing import Any

import simplejpeg
from PIL import Image, ImagePalette

from avatarflow.imaging.picture_checks import Limits, PictureError, refusing

from .jpeg_checks import check_jpeg

BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, PLANAR = 0x0102, 0x0103, 0x0106, 0x011C
EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES = 0x0152, 0x0153, 0x015B
WIDTH, HEIGHT, SUBSAMPLING = 0x0100, 0x0101, 0x0212
STRIPS = (0x0111, 0x0117)  # where the data lie, and how long they are
TILES = (0x0144, 0x0145)
TILE_SIDES = (0x0142, 0x0143)
APART = 2  # the value of PLANAR for planes of one colour each
PLAIN, OLD_JPEG, JPEG, WEBP = 1, 6, 7, 50001  # values of COMPRESSION
DEFLATED = (8, 32946)
PIECE = 2**20  # bytes inflated at a time
MOST_BYTES = 8  # of a pixel
DEPTH, DESCRIPTION = 0x80E5, 0x010E
STACK = re.compile(r"ImageJ=.*\bimages=0*([2-9]|1\d)", re.DOTALL)
"""How ImageJ writes that planes follow each other in one page."""
COLOR_MAP, BLACK_AND_WHITE = 0x0140, 0x0214
FULL_RANGE = (0, 255, 128, 255, 128, 255)
"""Values of BLACK_AND_WHITE, TIFF 6.0 section 20, for YCbCr as Pillow and JPEG read it."""
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
        `unsupported pixels`, `truncated`, `damaged`, `too many pixels`, `more than one picture`,
        or what Pillow mixes up or has no decoder for.
    """
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    depths = values_of(tags, BITS_PER_SAMPLE)
    deepest = max(depths, default=1)
    if max(values_of(tags, DEPTH), default=1) > 1 or STACK.match(str(tags.get(DESCRIPTION, ""))):
        raise PictureError("more than one picture")
    if tags.get(COMPRESSION) == WEBP:
        raise PictureError("TIFF compressed with WebP is not read; save it as PNG")
    if any(value not in UNSIGNED for value in values_of(tags, SAMPLE_FORMAT)):
        raise PictureError("unsupported pixels")
    if image.mode == "CMYK" and deepest > 8:  # cut to its upper 8 bits, 12-bit ink is nearly none
        raise PictureError("unsupported pixels")
    if tags.get(PLANAR) == APART and len(depths) > 1 and deepest > 8:
        raise PictureError(f"TIFF with colour planes of {deepest} bits apart; save it as PNG")
    if tags.get(PHOTOMETRIC) == YCBCR:
        if not _reads_subsampled(tags):
            raise PictureError("unsupported pixels")
        if (values_of(tags, BLACK_AND_WHITE) or FULL_RANGE) != FULL_RANGE:
            raise PictureError(
                "TIFF with ReferenceBlackWhite of a part of the range is not read; save it as PNG"
            )
    if tags.get(COMPRESSION) == JPEG:
        _check_jpegs(tags, data, limits)
    if tags.get(COMPRESSION) in DEFLATED:
        _check_deflated(tags, data, limits)


def use_palette_of_8_bits(image: Image.Image) -> None:
    """Take the colours of a palette as they are where none needs 16 bits, as libtiff does.

    TIFF 6.0 wants 16 bits, of which Pillow takes the upper 8: of such a palette all black.
    """
    colours = values_of(image.tag_v2, COLOR_MAP)  # type: ignore[attr-defined]
    if image.mode == "P" and 0 < max(colours, default=0) < 256:
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))


def is_whole(image: Image.Image, size: int) -> bool:
    """Whether all data of a TIFF lie within a file of that many bytes."""
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    return all(place + length <= size for place, length in zip(*_stretches(tags), strict=False))


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


def _stretches(tags: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return where the data of each strip or tile begin, and how long they are."""
    offsets, lengths = TILES if TILES[0] in tags else STRIPS
    return values_of(tags, offsets), values_of(tags, lengths)


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
    _, lengths = _stretches(tags)
    if TILES[0] in tags:  # they are whole at the edges, too
        width, height = (
            -(-side // tags[tile]) * tags[tile]
            for side, tile in zip((width, height), TILE_SIDES, strict=True)
        )
    return bool(sum(lengths) >= 3 * width * height)


def _check_jpegs(tags: Any, data: bytes, limits: Limits) -> None:
    """Check each strip or tile: a JPEG that may share its tables with the others."""
    places, sizes = _stretches(tags)
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


def _check_deflated(tags: Any, data: bytes, limits: Limits) -> None:
    """Inflate each strip or tile to its checksum, which Pillow does not look at."""
    left = MOST_BYTES * MOST_AREA * limits.max_pixels
    for place, size in zip(*_stretches(tags), strict=False):
        inflater, rest = zlib.decompressobj(), data[place : place + size]
        with refusing("damaged", zlib.error):
            while rest and not inflater.eof:
                left -= len(inflater.decompress(rest, PIECE)) + 1
                rest = inflater.unconsumed_tail
                if left < 0:
                    raise PictureError("too many pixels")
        if not inflater.eof:
            raise PictureError("truncated")


def _area(jpeg: bytes) -> int:
    """Return the pixels of a strip by its header; 0 where the decoder does not know its kind."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(jpeg)
    except ValueError:
        return 0
    return int(height * width)
