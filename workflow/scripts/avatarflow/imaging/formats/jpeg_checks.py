"""What a JPEG is held to: whole data, and scans that give every colour to its last bit."""

import re
from collections.abc import Iterator

import numpy as np
import simplejpeg

from avatarflow.imaging.picture_checks import PictureError, refusing

MARKER = re.compile(rb"\xff[\xc0-\xcf\xd9-\xfe]")
"""The next marker: in compressed data FF stands only before 00 and before restarts (D0 to D7)."""
END, SCAN, APP14 = 0xD9, 0xDA, 0xEE
INKS = 4
SEQUENTIAL, PROGRESSIVE = (0xC0, 0xC1, 0xC9), (0xC2, 0xCA)
START, BITS_READ = b"\xff\xd8", 8
KINDS = {
    **dict.fromkeys((0xC0, 0xC1, 0xC2), "JPEG"),
    0xC3: "lossless JPEG",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
    **dict.fromkeys((0xC9, 0xCA), "arithmetic JPEG"),
    0xCB: "lossless arithmetic JPEG",
    0xF7: "JPEG-LS",
}
"""What the marker that begins a frame says, T.81 table B.1 and T.87."""
NOT_READ = ("hierarchical JPEG", "lossless arithmetic JPEG", "JPEG-LS")
COEFFICIENTS = 64  # of each block of a colour
NOT_SENT = 255  # in place of the lowest bit that was sent


def check_jpeg(data: bytes) -> None:
    """Refuse a JPEG whose compressed data break off, are broken, or lack a scan.

    Pillow decodes such data without a word: what is missing comes out grey or blurred.

    Raises
    ------
    PictureError
        `truncated`, or `damaged` where the decoder notices it; the kind of JPEG where Pillow does
        not know it.
    """
    if kind := kind_not_read(data):
        raise PictureError(f"{kind} is not read; save it as PNG")
    if _has_unknown_inks(data):
        raise PictureError("four colours without saying which; save it as RGB")
    _check_data(data)
    # a segment shorter than its kind
    with refusing("damaged", IndexError):
        complete = _is_complete(data)
    if not complete:
        raise PictureError("truncated")


def kind_not_read(data: bytes) -> str | None:
    """Name the kind of a JPEG that Pillow does not decode; None for any other file."""
    if not data.startswith(START):
        return None
    marker, frame = next((found for found in _segments(data) if found[0] in KINDS), (0, b""))
    if not frame:
        return None
    bits = f" of {frame[0]} bits" if frame[0] != BITS_READ else ""
    return KINDS[marker] + bits if bits or KINDS[marker] in NOT_READ else None


def _has_unknown_inks(data: bytes) -> bool:
    """Whether a JPEG of four colours lacks the Adobe marker, by which readers know whether ink is 0 or 255."""
    frame, told = b"", False
    for marker, body in _segments(data):
        frame = body if marker in KINDS and not frame else frame
        told |= marker == APP14 and body.startswith(b"Adobe")
    return len(frame) > 5 and frame[5] == INKS and not told


def _check_data(data: bytes) -> None:
    try:
        simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)
    except ValueError as error:
        text = str(error)
        if text.startswith("Premature end"):
            raise PictureError("truncated") from None
        if text.startswith("Corrupt JPEG data"):
            raise PictureError("damaged") from None
        # other errors are kinds of JPEG that this decoder does not know


def _is_complete(data: bytes) -> bool:
    """Whether each coefficient of each colour is sent down to its lowest bit, T.81 G.1.1.1."""
    lowest: dict[int, np.ndarray] = {}
    progressive = False
    for marker, body in _segments(data):
        if marker in (*SEQUENTIAL, *PROGRESSIVE):
            progressive = marker in PROGRESSIVE
            lowest = {
                colour: np.full(COEFFICIENTS, NOT_SENT) for colour in body[6 : 6 + 3 * body[5] : 3]
            }
        elif marker == SCAN:
            colours, (first, last, bits) = body[1 : 1 + 2 * body[0] : 2], _spectrum(body)
            sent = slice(first, last + 1) if progressive else slice(None)
            for colour in (colour for colour in colours if colour in lowest):
                lowest[colour][sent] = bits & 15 if progressive else 0
    return not any(bits.any() for bits in lowest.values())


def _spectrum(scan: bytes) -> tuple[int, int, int]:
    """Return the first and last coefficient of a scan, and the bits it sends, T.81 B.2.3."""
    start = 1 + 2 * scan[0]
    return scan[start], scan[start + 1], scan[start + 2]


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the markers with what they hold, up to the end of the first picture."""
    place = 2
    while mark := MARKER.search(data, place):
        marker, start = data[mark.end() - 1], mark.end()
        if marker == END:
            return
        length = int.from_bytes(data[start : start + 2], "big")
        yield marker, data[start + 2 : start + length]
        place = start + max(length, 2)
