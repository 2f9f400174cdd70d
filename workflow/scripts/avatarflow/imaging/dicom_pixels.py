"""The pixels of a DICOM file, windowed to 8 bits; nothing else of it is looked at or kept."""

import io
import math
import warnings
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image, UnidentifiedImageError
from pydicom.encaps import get_frame
from pydicom.pixels import apply_color_lut, apply_modality_lut, get_decoder

from avatarflow.core.arrays import Pictures

from .picture_checks import Limits, PictureError, check_scan, gray_to_rgb

WINDOW_SHARE = 0.005
"""Without a window in the file, this share of the pixels is clipped at both ends."""
DEFLATED = b"1.2.840.10008.1.2.1.99"
JPEG = b"\xff\xd8"
HEADERS = 1_000_000  # bytes of a file that are not pixels
PALETTE = "PALETTE COLOR"
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT", PALETTE)
NEEDED = ("SamplesPerPixel", "BitsAllocated", "PixelRepresentation")
SPACINGS = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
SQUARE = 0.01  # how much the sides of a pixel may differ, as a share
LINEAR, EXACT, SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"
NARROWEST = {LINEAR: 1.0, EXACT: np.nextafter(0, 1), SIGMOID: np.nextafter(0, 1)}
"""Windows, PS3.3 C.11.2.1.2 and C.11.2.1.3, and their smallest width; a smaller one counts as none."""


def read_dicom(data: bytes, limits: Limits) -> tuple[Pictures, dict[str, Any]]:
    """As `io.read_picture`, for the bytes of a DICOM file of one frame.

    Raises
    ------
    PictureError
        As there; `unsupported pixels` also for a compression that no installed decoder knows.
    """
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")  # pydicom's warnings quote values of the patient
        _check_inflated(data, limits)
        dataset = _parse(data)
        kind, bits = _check(dataset, limits)
        _check_frame(dataset)
        pixels = _decode(dataset)
        if kind in COLOURS:
            picture = _colour(_looked_up(pixels, dataset) if kind == PALETTE else pixels)
        else:
            picture = gray_to_rgb(_windowed(pixels, dataset, _is_inverted(dataset, kind)))
    size = {"width": picture.shape[1], "height": picture.shape[0]}
    return picture, {"format": "DICOM", "gray": kind not in COLOURS, "bits": bits, **size}


def _check_inflated(data: bytes, limits: Limits) -> None:
    """Refuse a deflated file that grows beyond what any picture within the limits needs, before it is inflated."""
    # the group length counts from the end of its own element
    meta = 144 + int.from_bytes(data[140:144], "little")
    if DEFLATED not in data[132:meta]:
        return
    largest = min(limits.max_bytes, 6 * limits.max_pixels + HEADERS)
    try:
        inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[meta:], largest + 1)
    except zlib.error:
        raise PictureError("damaged") from None
    if len(inflated) > largest:
        raise PictureError("too many bytes")


def _parse(data: bytes) -> Any:
    try:
        return pydicom.dcmread(io.BytesIO(data))
    except Exception:  # hostile bytes may raise anything, and the text may quote them
        raise PictureError("damaged") from None


def _check(dataset: Any, limits: Limits) -> tuple[str, int]:
    try:
        width, height = int(dataset.Columns), int(dataset.Rows)
        kind, bits = str(dataset.PhotometricInterpretation), int(dataset.BitsStored)
        frames = int(dataset.get("NumberOfFrames") or 1)
        held, tables = "PixelData" in dataset, "RedPaletteColorLookupTableDescriptor" in dataset
        square = all(_is_square(dataset.get(name)) for name in SPACINGS)
        high = int(dataset.get("HighBit", bits - 1))
        annotated = str(dataset.get("BurnedInAnnotation") or "").strip().upper() == "YES"
    except Exception:
        raise PictureError("not a picture") from None
    limits.check(width, height)
    if not held:
        raise PictureError("not a picture")
    if annotated:
        raise PictureError("annotation burned into the picture")
    if not square:
        raise PictureError("pixels are not square")
    if frames != 1:
        raise PictureError("more than one picture")
    if kind not in ("MONOCHROME1", "MONOCHROME2", *COLOURS) or (kind == PALETTE and not tables):
        raise PictureError("unsupported pixels")
    if high != bits - 1:
        raise PictureError("HighBit is not BitsStored - 1")
    for name in NEEDED:
        if dataset.get(name) is None:
            raise PictureError(f"{name} is missing")
    return kind, bits


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


def _decode(dataset: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(dataset.pixel_array)
    except (RuntimeError, NotImplementedError, AttributeError):
        raise PictureError(_no_decoder(dataset)) from None
    except Exception:
        raise PictureError("truncated") from None


def _no_decoder(dataset: Any) -> str:
    """Say which compression it is, by its name in the standard, or that the data are damaged where it can be read."""
    uid = pydicom.uid.UID(str(getattr(dataset.file_meta, "TransferSyntaxUID", "")))
    if not uid:
        return "TransferSyntaxUID is missing"
    if uid not in pydicom.uid.AllTransferSyntaxes:
        return "unsupported pixels"
    if uid == pydicom.uid.JPEGExtended12Bit and int(dataset.BitsStored) > 8:
        return f"no decoder for {uid.name} of {dataset.BitsStored} bits"
    try:
        known = get_decoder(uid).is_available
    except NotImplementedError:
        known = False
    return "damaged" if known else f"no decoder for {uid.name}"


def _check_frame(dataset: Any) -> None:
    """Refuse a broken JPEG, and compressed data of another size than the header says.

    Decoding those may take any memory, and hours.
    """
    uid = pydicom.uid.UID(str(getattr(dataset.file_meta, "TransferSyntaxUID", "")))
    if not uid.is_transfer_syntax or not uid.is_encapsulated or uid == pydicom.uid.RLELossless:
        return
    try:
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        size = Image.open(io.BytesIO(frame), formats=("JPEG", "JPEG2000")).size
    except UnidentifiedImageError:  # a compression that Pillow does not know
        return
    except Exception:
        raise PictureError("damaged") from None
    if size != (dataset.Columns, dataset.Rows):
        raise PictureError("damaged")
    if frame.startswith(JPEG):
        check_scan(frame)


def _colour(pixels: npt.NDArray[Any]) -> Pictures:
    """RGB pixels as they are: pydicom's decoders have converted YCbCr already, and a second time turns orange green."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise PictureError("unsupported pixels")
    return np.ascontiguousarray(pixels)


def _looked_up(pixels: npt.NDArray[Any], dataset: Any) -> npt.NDArray[np.uint8]:
    """RGB of palette indices, PS3.3 C.7.9; entries of 16 bits are cut to 8."""
    try:
        colours = apply_color_lut(pixels, dataset)
    except Exception:
        raise PictureError("damaged") from None
    return np.asarray(colours >> 8 if colours.dtype == np.uint16 else colours, np.uint8)


def _is_inverted(dataset: Any, kind: str) -> bool:
    """Whether the largest value is shown black, PS3.3 C.7.6.3.1.2 and C.11.6.1.1.1."""
    return (
        kind == "MONOCHROME1"
        or str(dataset.get("PresentationLUTShape") or "").strip().upper() == "INVERSE"
    )


def _windowed(pixels: npt.NDArray[Any], dataset: Any, inverted: bool) -> npt.NDArray[np.uint8]:
    """Gray values as the file wants them shown: its VOI LUT, else its window, else quantiles; padding is black.

    The first one counts where the file has several (PS3.3 C.11.2).
    """
    if pixels.ndim != 2:
        raise PictureError("unsupported pixels")
    try:
        padded = _padded(pixels, dataset)
        values = apply_modality_lut(pixels, dataset)
        if dataset.get("VOILUTSequence"):
            share = _share_of_table(values, dataset.VOILUTSequence[0])
        else:
            share = _share_of_window(np.asarray(values, np.float64), padded, dataset)
    except PictureError:
        raise
    except Exception:
        raise PictureError("damaged") from None
    shown = np.clip(1 - share if inverted else share, 0, 1)
    return np.asarray(np.rint(255 * np.where(padded, 0, shown)), np.uint8)


def _share_of_table(values: npt.NDArray[Any], table: Any) -> Any:
    """Brightness, 0 to 1, by a VOI LUT, PS3.3 C.11.2.1.1: entries of 8 bits may be stored in words of 16."""
    count, first, bits = (int(each) for each in table.LUTDescriptor)
    data = table.LUTData
    if isinstance(data, bytes):
        entries = np.frombuffer(data, "<u2" if len(data) >= 2 * (count or 65536) else np.uint8)
    else:
        entries = np.asarray(data, np.uint16)
    return entries[np.clip(np.asarray(values, np.int64) - first, 0, len(entries) - 1)] / (
        2.0**bits - 1
    )


def _share_of_window(
    values: npt.NDArray[np.float64], padded: npt.NDArray[np.bool_], dataset: Any
) -> Any:
    """Where each value lies in the window, 0 to 1 within it; PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or LINEAR).strip().upper()
    if centre is not None and width is not None and function not in NARROWEST:
        raise PictureError("unknown window function")
    if centre is None or width is None or width < NARROWEST[function]:
        shown = values if padded.all() else values[~padded]
        low, high = np.quantile(shown, [WINDOW_SHARE, 1 - WINDOW_SHARE])
        return (values - low) / max(high - low, 1e-9)
    if function == SIGMOID:
        return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -500, 500)))
    if function == EXACT:
        return (values - centre) / width + 0.5
    if width == 1:  # a threshold
        return np.where(values <= centre - 0.5, 0.0, 1.0)
    return (values - (centre - 0.5)) / (width - 1) + 0.5


def _padded(pixels: npt.NDArray[Any], dataset: Any) -> npt.NDArray[np.bool_]:
    """Which stored values only fill the frame, PS3.3 C.7.5.1.1.2."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(pixels.shape, bool)
    limit = dataset.get("PixelPaddingRangeLimit", value)
    low, high = sorted((int(value), int(value if limit is None else limit)))
    return np.asarray((pixels >= low) & (pixels <= high))


def _first(value: Any) -> float | None:
    """The first number of a window's centres or widths; None where there is none."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if len(value) else None
    if value is None or not str(value).strip():
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise PictureError("window that is no number")
    return number
