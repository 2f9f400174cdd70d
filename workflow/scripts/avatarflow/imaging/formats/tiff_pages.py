"""The pages of a TIFF: one full picture, and smaller versions or masks of it."""

import io
from typing import Literal

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from avatarflow.imaging.picture_checks import PictureError, refusing

SUBFILE_TYPE, SUB_DIRECTORIES = 0x00FE, 0x014A
REDUCED, MASK = (
    1,
    4,
)  # the bits of SUBFILE_TYPE for a smaller version of another page, and for its mask
MOST_PAGES = 16
INSIDE = "a raw file of a camera is not read; save it as PNG"
BIG = 43  # the number of a TIFF with addresses of 8 bytes
STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def full_page(data: bytes) -> int:
    """Number of the one page that is neither a smaller version nor a mask of another; 0 where none is.

    Raises
    ------
    PictureError
        `more than one picture`, `damaged`, or that the full picture lies where Pillow does not look.
    """
    with refusing("damaged"):
        kinds = _kinds(data)
    full = [page for page, kind in enumerate(kinds) if not kind & (REDUCED | MASK)]
    if len(full) > 1 or len(kinds) > MOST_PAGES:
        raise PictureError("more than one picture")
    return full[0] if full else 0


def why_unread(data: bytes) -> str:
    """Say why Pillow does not open a TIFF.

    Its first directory breaks off, or its pixels are of no kind that Pillow knows.

    Raises
    ------
    PictureError
        As `full_page`.
    """
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"
    big = BIG in data[2:4]
    address, count, entry = (slice(8, 16), 8, 20) if big else (slice(4, 8), 2, 12)
    start = int.from_bytes(data[address], order)
    entries = int.from_bytes(data[start : start + count], order)
    if len(data) < address.stop or start + count + entries * entry > len(data):
        return "truncated"
    full_page(data)  # several pictures, or a directory that cannot be read
    return "unsupported pixels"


def _kinds(data: bytes) -> list[int]:
    """SUBFILE_TYPE of each page, one more than the most; they are not counted first, as there may be many."""
    directory, file = ImageFileDirectory_v2(data[: 16 if BIG in data[2:4] else 8]), io.BytesIO(data)
    seen: set[int] = set()
    kinds: list[int] = []
    while directory.next and directory.next not in seen and len(kinds) <= MOST_PAGES:
        seen.add(directory.next)
        file.seek(directory.next)
        directory.load(file)  # type: ignore[no-untyped-call]
        kind = int(directory.get(SUBFILE_TYPE, 0))
        if (
            kind & REDUCED and SUB_DIRECTORIES in directory
        ):  # as in DNG, and in raw files of cameras
            raise PictureError(INSIDE)
        kinds.append(kind)
    return kinds
