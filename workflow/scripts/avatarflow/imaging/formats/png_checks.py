"""What a PNG is held to: whole chunks, all its rows, no index beyond its palette."""

import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from avatarflow.imaging.picture_checks import PictureError, refusing

CHECKED = (b"IHDR", b"PLTE", b"IDAT")  # chunks that make the pixels
SIGNATURE_BYTES, HEADER_BYTES = 8, 13
SAMPLES = {2: 3, 4: 2, 6: 4}  # by colour type; any other has one
WHOLE = ((0, 0, 1, 1),)
ADAM7 = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
"""Passes of an interlaced picture: first row and column, and the steps to the next ones."""
FED, INFLATED = 1 << 16, 1 << 20  # bytes that are inflated at a time, and that come out at a time


def check_png(data: bytes) -> None:
    """Refuse a PNG that breaks off, has other pixels than were written, or lacks rows.

    Pillow fills missing rows with black. They are counted in pieces, without being kept.

    Raises
    ------
    PictureError
        `truncated` or `damaged`.
    """
    chunks = _chunks(data)
    kind, header = next(chunks)
    if kind != b"IHDR" or len(header) != HEADER_BYTES:
        raise PictureError("damaged")
    missing, machine = _bytes_promised(header), zlib.decompressobj()
    for kind, content in chunks:
        if kind == b"IHDR":  # which one Pillow takes is not known
            raise PictureError("damaged")
        if kind == b"IDAT":
            missing -= _bytes_inflated(machine, content, missing)
    if missing > 0:
        raise PictureError("truncated")


def palette_length(image: Image.Image) -> int | None:
    """Return how many colours the palette of a PNG has, before loading fills it up to 256."""
    if image.format != "PNG" or image.mode != "P":
        return None
    return len(image.palette.palette) // 3 if image.palette else 0


def check_indices(image: Image.Image, length: int | None) -> None:
    """Refuse a picture with an index beyond its palette of this length."""
    if length is not None and np.asarray(image).max() >= length:
        raise PictureError("damaged")


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield kind and content of each chunk up to the last."""
    view, place, kind = memoryview(data), SIGNATURE_BYTES, b""
    while kind != b"IEND":
        end = place + 12 + int.from_bytes(view[place : place + 4], "big")
        if end > len(data):
            raise PictureError("truncated")
        kind, content = bytes(view[place + 4 : place + 8]), view[place + 8 : end - 4]
        sum_ = view[end - 4 : end]
        if kind in CHECKED and zlib.crc32(view[place + 4 : end - 4]) != int.from_bytes(sum_, "big"):
            raise PictureError("damaged")
        yield kind, content
        place = end


def _bytes_promised(header: memoryview) -> int:
    """Count the bytes of all rows before compression, each behind the byte of its filter."""
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * SAMPLES.get(header[9], 1)
    total = 0
    for row, column, down, across in ADAM7 if header[12] else WHOLE:
        rows, columns = len(range(row, height, down)), len(range(column, width, across))
        total += rows * (1 + -(-columns * bits // 8)) if columns else 0
    return total


def _bytes_inflated(machine: "zlib._Decompress", content: memoryview, most: int) -> int:
    """Count the bytes that come out of this content, until there are `most`."""
    length = 0
    with refusing("damaged", zlib.error):
        for start in range(0, len(content), FED):
            fed: bytes | memoryview = content[start : start + FED]
            while length < most and (piece := machine.decompress(fed, INFLATED)):
                length, fed = length + len(piece), machine.unconsumed_tail
    return length
