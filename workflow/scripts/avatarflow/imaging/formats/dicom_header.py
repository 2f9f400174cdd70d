"""What a DICOM file says of its picture, checked before anything is decoded; a refusal names the element."""

import io
import math
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.config import disable_value_validation
from pydicom.filereader import read_partial

from avatarflow.imaging.picture_checks import Limits, PictureError, refusing

BARE = re.compile(rb"[\x02\x08]\x00[\x00-\x18]\x00([A-Z]{2}|.\x00)", re.DOTALL)
"""How a DICOM file begins that lacks its preamble: with an element of its header."""
DEFLATED, EXPLICIT = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.1\0\0\0"
UNFINISHED = ".receiving-"
"""How the name of a file begins while it is received over the network; such files are passed over."""
PIXELS = 0x7FE00010
FLOATS = ("FloatPixelData", "DoubleFloatPixelData")
LAYOUT = 0x00280000  # the group of elements that lay out the pixels
LABELS = 4_000_000  # bytes of a file in which all elements before `LAYOUT` must lie
HEADERS = 1_000_000  # bytes of a deflated file that are not pixels
MOST_READS = 300_000
"""How often a parser may read from a file: sequences may hold millions of empty elements, and each takes time."""
PALETTE, SUBSAMPLED = "PALETTE COLOR", "YBR_FULL_422"
COLOURS = ("RGB", "YBR_FULL", SUBSAMPLED, "YBR_RCT", "YBR_ICT", PALETTE)
GRAYS = ("MONOCHROME1", "MONOCHROME2")
ALLOCATED = (1, 8, 16, 32)
SPACINGS = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
SQUARE = 0.01  # how much the sides of a pixel may differ, as a share
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
MACROS = {
    "PixelMeasuresSequence": ("PixelSpacing",),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
}
"""What an enhanced file says in its functional groups, PS3.3 C.7.6.16.2; others say it once for the whole file."""


@dataclass(frozen=True)
class Header:
    """Kind and layout of the pixels, in words of the standard."""

    kind: str
    rows: int
    columns: int
    samples: int
    allocated: int
    bits: int  # stored

    @property
    def length(self) -> int:
        """Bytes of the pixels when they are not compressed, without the byte that makes them even."""
        values = self.rows * self.columns * self.samples
        if self.kind == SUBSAMPLED:
            values = values // 3 * 2
        return -(-values * self.allocated // 8)


class _Counted(io.BytesIO):
    """A file that may be read from only so often."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MOST_READS:
            raise PictureError("too many elements")
        return super().read(size)


def open_dicom(data: bytes, limits: Limits) -> tuple[Any, Header]:
    """Parse a DICOM file, inflated where it is deflated, and check what it says of its picture.

    Returns
    -------
    pydicom dataset, whose functional groups stand at its top, and its header
    """
    dataset = parse_picture(data, limits)
    _lift_functional_groups(dataset)
    header = check_header(dataset, limits)
    _check_use(dataset, header)
    return dataset, header


def parse_picture(data: bytes, limits: Limits) -> Any:
    """Parse a DICOM file to its end; refuse one that is damaged, or has no pixel data of whole numbers."""
    dataset = _parse(_inflated(data, limits))
    if not _has_pixels(dataset):
        floats = any(name in dataset for name in FLOATS)
        raise PictureError("unsupported pixels" if floats else "no pixel data")
    return dataset


def _has_pixels(dataset: Any) -> bool:
    """Whether the element is there, and holds anything: some programs that de-identify empty it."""
    # a value of another kind than its name says
    with refusing("damaged"):
        value = dataset.get("PixelData")
    if value and not isinstance(value, bytes):
        raise PictureError("damaged")
    return bool(value)


def read_labels(path: Path) -> Any:
    """Parse the elements of a DICOM file up to those that lay out the picture; no pixel is read.

    Raises
    ------
    PictureError
        `file cannot be read`, `damaged`, `too many elements`, or elements that are not in ascending order.
    """
    with refusing("file cannot be read", OSError), path.open("rb") as file:
        data = file.read(LABELS)
    meta = 144 + int.from_bytes(data[140:144], "little")
    if DEFLATED in data[132:meta]:
        with refusing("damaged", zlib.error):
            rest = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[meta:], HEADERS)
        data = data[:meta].replace(DEFLATED, EXPLICIT) + rest
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")  # they quote values of the patient
        return _parse(data, LAYOUT)


def _inflated(data: bytes, limits: Limits) -> bytes:
    """A deflated file as it was before, no more of it than its own header needs; any other file as it is."""
    meta = 144 + int.from_bytes(
        data[140:144], "little"
    )  # the group length counts from the end of its own element
    if DEFLATED not in data[132:meta]:
        return data
    start, machine = data[:meta].replace(DEFLATED, EXPLICIT), zlib.decompressobj(-zlib.MAX_WBITS)
    with refusing("damaged", zlib.error):
        head = machine.decompress(data[meta:], HEADERS)
        header = check_header(_parse(start + head, PIXELS), limits)
        rest = machine.decompress(machine.unconsumed_tail, HEADERS + header.length)
    if not machine.eof:
        raise PictureError("too many bytes" if machine.unconsumed_tail else "truncated")
    return start + head + rest


def _parse(data: bytes, before: int | None = None) -> Any:
    """The elements of a file, which the standard puts in ascending order; only those before a tag if so asked."""
    last = -1

    def stop(tag: int, _: str | None, __: int) -> bool:
        nonlocal last
        if tag <= last:
            raise PictureError("DICOM elements are not in ascending order")
        last = tag
        return before is not None and tag >= before

    with refusing("damaged"):
        dataset = read_partial(_Counted(data), stop)
    if before is None and last == PIXELS and PIXELS not in dataset:  # it began, and has no end
        raise PictureError("truncated")
    return dataset


def _lift_functional_groups(dataset: Any) -> None:
    """Put what is said of the one frame where older files say it; what is said per frame counts more."""
    with refusing("damaged"):
        for groups in GROUPS:
            for group in (dataset.get(groups) or [])[:1]:
                for macro, names in MACROS.items():
                    for item in (group.get(macro) or [])[:1]:
                        for name in (name for name in names if name in item):
                            dataset[name] = item[name]


def check_header(dataset: Any, limits: Limits) -> Header:
    """Read the layout of the pixels; refuse one that is missing, contradicts itself, or is not read."""
    whole = {
        name: _whole(dataset, name)
        for name in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored")
    }
    header = Header(str(_element(dataset, "PhotometricInterpretation")), *whole.values())
    limits.check(header.columns, header.rows)
    _element(dataset, "PixelRepresentation")
    for problem in _problems(dataset, header):
        raise PictureError(problem)
    return header


def _problems(dataset: Any, header: Header) -> Iterator[str]:
    colour = header.kind in COLOURS and header.kind != PALETTE
    samples = 3 if colour else 1
    if header.kind not in (*GRAYS, *COLOURS):
        yield "unsupported pixels"
    if header.kind == PALETTE and "RedPaletteColorLookupTableDescriptor" not in dataset:
        yield "unsupported pixels"
    if header.samples != samples:
        yield f"SamplesPerPixel of {header.kind} is not {samples}"
    if header.allocated not in ALLOCATED:
        yield "BitsAllocated is not 8, 16 or 32"
    if header.bits > header.allocated:
        yield "BitsStored is more than BitsAllocated"
    if colour and header.bits != 8:
        yield f"colour of {header.bits} bits is not read"
    if "HighBit" in dataset and _whole(dataset, "HighBit") != header.bits - 1:
        yield "HighBit is not BitsStored - 1"
    if colour:
        _element(dataset, "PlanarConfiguration")


def _check_use(dataset: Any, header: Header) -> None:
    """Refuse what is one picture by its layout, but not one to be shown as it is."""
    burned_in = str(_said(dataset, "BurnedInAnnotation") or "").strip().upper()
    if burned_in == "YES":
        raise PictureError("annotation burned into the picture")
    if burned_in not in ("", "NO"):  # "Y" is not a word of the standard, and yet may mean it
        raise PictureError("BurnedInAnnotation is neither YES nor NO")
    if not all(_is_square(_said(dataset, name)) for name in SPACINGS):
        raise PictureError("pixels are not square")
    if number(dataset, "NumberOfFrames") not in (None, 0, 1):
        raise PictureError("more than one picture")


def _said(dataset: Any, name: str) -> Any:
    """The value of an element, None where there is none."""
    # a value that its kind does not allow
    with refusing(f"{name} cannot be read"):
        return dataset.get(name)


def _element(dataset: Any, name: str) -> Any:
    if (value := _said(dataset, name)) is None or value == "":
        raise PictureError(f"{name} is missing")
    return value


def _whole(dataset: Any, name: str) -> int:
    value = _element(dataset, name)
    with refusing(f"{name} is not a number", (TypeError, ValueError)):
        return int(value)


def number(dataset: Any, name: str) -> float | None:
    """The first number of an element; None where there is none."""
    value = _said(dataset, name)
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if len(value) else None
    if value is None or not str(value).strip():
        return None
    try:
        found = math.nan if "_" in str(value) else float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise PictureError(f"{name} is not a number")
    return found


def _is_square(sides: Any) -> bool:
    """Whether the two sides of a pixel are as good as equal; anything but two values says nothing."""
    if isinstance(sides, str) or not isinstance(sides, Sequence) or len(sides) != 2:
        return True
    first, second = sides
    try:
        return abs(float(first) - float(second)) <= SQUARE * max(
            abs(float(first)), abs(float(second))
        )
    except (TypeError, ValueError):
        return str(first) == str(second)
