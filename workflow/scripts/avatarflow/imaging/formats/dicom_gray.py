"""Gray values of a DICOM file as it wants them shown: lookup tables, windows, padding, inversion."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.pixels import apply_modality_lut

from avatarflow.imaging.picture_checks import PictureError, refusing

from .dicom_header import number

TABLE = ("LUTDescriptor", "LUTData")
WINDOW_SHARE = 0.005
"""Without a window in the file, this share of the pixels is clipped at both ends."""
LINEAR, EXACT, SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"
NARROWEST = {LINEAR: 1.0, EXACT: np.nextafter(0, 1), SIGMOID: np.nextafter(0, 1)}
"""Windows, PS3.3 C.11.2.1.2 and C.11.2.1.3, and their smallest width; a smaller one counts as none."""


def shown(pixels: npt.NDArray[Any], dataset: Any, kind: str) -> npt.NDArray[np.uint8]:
    """Gray values (height, width) by the VOI LUT of a file, else its window, else quantiles; padding is black.

    The first one counts where the file has several (PS3.3 C.11.2).
    """
    if pixels.ndim != 2:
        raise PictureError("unsupported pixels")
    with refusing("damaged"):
        padded = _padded(pixels, dataset)
        values = _in_units(pixels, dataset)
        if (table := _table(dataset, "VOILUTSequence")) is not None:
            share = _share_of_table(values, table)
        else:
            share = _share_of_window(np.asarray(values, np.float64), padded, dataset)
    share = np.clip(1 - share if _is_inverted(dataset, kind) else share, 0, 1)
    return np.asarray(np.rint(255 * np.where(padded, 0, share)), np.uint8)


def _is_inverted(dataset: Any, kind: str) -> bool:
    """Whether the largest value is shown black, PS3.3 C.7.6.3.1.2 and C.11.6.1.1.1."""
    return (
        kind == "MONOCHROME1"
        or str(dataset.get("PresentationLUTShape") or "").strip().upper() == "INVERSE"
    )


def _in_units(pixels: npt.NDArray[Any], dataset: Any) -> npt.NDArray[Any]:
    """Stored values by the modality LUT, or by slope (else 1) and intercept (else 0)."""
    if (table := _table(dataset, "ModalityLUTSequence")) is not None:
        _entries(table)
        count, _, bits = table.LUTDescriptor
        table.LUTDescriptor = [count, _first_mapped(pixels, table), bits]
        return np.asarray(apply_modality_lut(pixels, dataset))
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    if slope is None and intercept is None:
        return pixels
    # pydicom leaves out both where one is missing
    return pixels * np.float64(1 if slope is None else slope) + (intercept or 0.0)


def _table(dataset: Any, name: str) -> Any:
    """The first lookup table of a sequence; None where there is none, or all that makes one is empty."""
    table = (dataset.get(name) or [None])[0]
    if table is None or all(table[part].is_empty for part in TABLE if part in table):
        return None
    return table


def _entries(table: Any) -> npt.NDArray[Any]:
    """The entries of a lookup table, PS3.3 C.11.2.1.1: those of 8 bits may be packed two to a word."""
    count, data = int(table.LUTDescriptor[0]) or 65536, table.LUTData
    if not isinstance(data, bytes):
        data = np.atleast_1d(np.asarray(data, "<u2")).tobytes()
    packed = len(data) < 2 * count and int(table.LUTDescriptor[2]) <= 8
    entries = np.frombuffer(data, np.uint8 if packed else "<u2", len(data) // (1 if packed else 2))
    if len(entries) < count:
        raise PictureError("lookup table shorter than its descriptor")
    return entries[:count]


def _share_of_table(values: npt.NDArray[Any], table: Any) -> Any:
    """Brightness, 0 to 1, by a VOI LUT."""
    entries = _entries(table)
    places = np.asarray(values, np.int64) - _first_mapped(values, table)
    bits = int(table.LUTDescriptor[2])
    return entries[np.clip(places, 0, len(entries) - 1)] / (2.0**bits - 1)


def _first_mapped(values: npt.NDArray[Any], table: Any) -> int:
    """Return the value that a table maps to its first entry.

    Some programs write it without a sign. It is then larger than every value, and all would have
    the first entry.
    """
    first = int(table.LUTDescriptor[1])
    return first - 2**16 if first >= 2**15 and first > values.max() else first


def _share_of_window(
    values: npt.NDArray[np.float64], padded: npt.NDArray[np.bool_], dataset: Any
) -> Any:
    """Where each value lies in the window, 0 to 1 within it; PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    centre, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    function = str(dataset.get("VOILUTFunction") or LINEAR).strip().upper()
    if centre is not None and width is not None and function not in NARROWEST:
        raise PictureError("unknown window function")
    if centre is None or width is None or width < NARROWEST[function]:
        inside = values if padded.all() else values[~padded]
        low, high = np.quantile(inside, [WINDOW_SHARE, 1 - WINDOW_SHARE])
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
    ends = (value, value if limit is None else limit)
    low, high = sorted(_as_stored(int(end), dataset) for end in ends)
    return np.asarray((pixels >= low) & (pixels <= high))


def _as_stored(value: int, dataset: Any) -> int:
    """Return a padding value with the sign of the pixels.

    Some programs write -2000 as 63536, and 65535 as -1.
    """
    span = 1 << int(dataset.BitsAllocated)
    if dataset.PixelRepresentation == 1 and span // 2 <= value < span:
        return value - span
    if dataset.PixelRepresentation == 0 and -span // 2 <= value < 0:
        return value + span
    return value
