"""The pixels of a DICOM file, windowed to 8 bits; nothing else of it is looked at or kept."""

import io
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from .io import Limits, PictureError, gray_to_rgb
from .shards import Pictures

WINDOW_SHARE = 0.005
"""Without a window in the file, this share of the pixels is clipped at both ends."""
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422")


def read_dicom(data: bytes, limits: Limits) -> tuple[Pictures, dict[str, Any]]:
    """As `io.read_picture`, for the bytes of a DICOM file of one frame.

    Raises
    ------
    PictureError
        As there; `unsupported pixels` also for a compression that no installed decoder knows.
    """
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")  # pydicom's warnings quote values of the patient
        dataset = _parse(data)
        kind, bits = _check(dataset, limits)
        pixels = _decode(dataset)
        if kind in COLOURS:
            picture = _colour(pixels)
        else:
            picture = gray_to_rgb(_windowed(pixels, dataset, inverted=kind == "MONOCHROME1"))
    size = {"width": picture.shape[1], "height": picture.shape[0]}
    return picture, {"format": "DICOM", "gray": kind not in COLOURS, "bits": bits, **size}


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
        held = "PixelData" in dataset
    except Exception:
        raise PictureError("not a picture") from None
    limits.check(width, height)
    if not held:
        raise PictureError("not a picture")
    if frames != 1:
        raise PictureError("more than one picture")
    if kind not in ("MONOCHROME1", "MONOCHROME2", *COLOURS):
        raise PictureError("unsupported pixels")
    return kind, bits


def _decode(dataset: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(dataset.pixel_array)
    except (RuntimeError, NotImplementedError):
        raise PictureError("unsupported pixels") from None
    except Exception:
        raise PictureError("truncated") from None


def _colour(pixels: npt.NDArray[Any]) -> Pictures:
    """RGB pixels as they are: pydicom's decoders have converted YCbCr already, and a second time turns orange green."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise PictureError("unsupported pixels")
    return np.ascontiguousarray(pixels)


def _windowed(pixels: npt.NDArray[Any], dataset: Any, inverted: bool) -> npt.NDArray[np.uint8]:
    """Linear window, PS3.3 C.11.2.1.2; the first one where the file has several."""
    if pixels.ndim != 2:
        raise PictureError("unsupported pixels")
    try:
        values = np.asarray(apply_modality_lut(pixels, dataset), np.float64)
        centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    except Exception:
        raise PictureError("damaged") from None
    if centre is None or width is None or width <= 1:
        low, high = np.quantile(values, [WINDOW_SHARE, 1 - WINDOW_SHARE])
    else:
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    share = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    return np.asarray(np.rint(255 * (1 - share if inverted else share)), np.uint8)


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value[0] if hasattr(value, "__getitem__") else value)
