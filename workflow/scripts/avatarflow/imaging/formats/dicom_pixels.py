"""The pixels of a DICOM file, as 8 bits; nothing else of it is looked at or kept."""

import io
import re
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image, UnidentifiedImageError
from pydicom.encaps import generate_fragments, get_frame
from pydicom.pixels import apply_color_lut, get_decoder

from avatarflow.core.arrays import Pictures
from avatarflow.imaging.colour_profile import in_srgb
from avatarflow.imaging.picture_checks import Limits, PictureError, gray_to_rgb, refusing

from .dicom_gray import shown
from .dicom_header import COLOURS, PALETTE, SUBSAMPLED, Header, open_dicom
from .jpeg_checks import check_jpeg

JPEG = b"\xff\xd8"
NEXT_PICTURE = re.compile(rb"\xff\xd9\0*(\xff\xd8\xff|\xff\x4f\xff\x51)")
"""The end of a JPEG or JPEG 2000 stream, and the start of another one."""
PALETTE_COLOURS = ("Red", "Green", "Blue")
RGB_NAMES = [ord(name) for name in "RGB"]
ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""With which compressed pixel data begin, PS3.5 A.4, in either byte order."""
LONGER = "pixel data longer than the header says"
JPEGS = (pydicom.uid.JPEGBaseline8Bit, pydicom.uid.JPEGExtended12Bit)
INTERLEAVED = (*pydicom.uid.JPEGTransferSyntaxes, *pydicom.uid.JPEG2000TransferSyntaxes)
"""Compressions whose colours lie side by side whatever PlanarConfiguration says, PS3.5 8.2."""
TABLE_DATA = ("LUTData", "PaletteColorLookupTableData")
PADDED = "non-conformant padding"  # pydicom's words for RLE that decodes to more than it should


def read_dicom(data: bytes, limits: Limits) -> tuple[Pictures, dict[str, Any]]:
    """As `io.read_picture`, for the bytes of a DICOM file of one frame.

    Raises
    ------
    PictureError
        As there; `unsupported pixels` also for a compression that no installed decoder knows.
    """
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")  # pydicom's warnings quote values of the patient
        warnings.filterwarnings("error", message=f".*{PADDED}")
        dataset, header = open_dicom(data, limits)
        _check_tables(dataset)
        _check_frame(dataset, header)
        pixels = _decode(dataset, header)
        if header.kind in COLOURS:
            looked_up = _looked_up(pixels, dataset) if header.kind == PALETTE else pixels
            picture = _colour(looked_up, dataset)
        else:
            picture = gray_to_rgb(shown(pixels, dataset, header.kind))
    size = {"width": picture.shape[1], "height": picture.shape[0]}
    gray = header.kind not in COLOURS
    return picture, {"format": "DICOM", "gray": gray, "bits": header.bits, **size}


def _check_tables(dataset: Any) -> None:
    """Refuse lookup tables in the retired big-endian order: their words would be read byte-swapped."""
    if dataset.file_meta.get("TransferSyntaxUID") != pydicom.uid.ExplicitVRBigEndian:
        return
    for element in dataset.iterall():
        if element.keyword.endswith(TABLE_DATA) and isinstance(element.value, bytes):
            raise PictureError("lookup table in big-endian order; save it as little endian")


def _decode(dataset: Any, header: Header) -> npt.NDArray[Any]:
    try:
        if header.samples > 1 and str(dataset.file_meta.TransferSyntaxUID) in INTERLEAVED:
            dataset.PlanarConfiguration = 0  # by 1, pydicom tears the colours apart
        if header.kind == "RGB" and (named := _jpeg_of_named_rgb(dataset)) is not None:
            return named
        return np.asarray(dataset.pixel_array)
    except (RuntimeError, NotImplementedError, AttributeError) as error:
        raise PictureError(LONGER if PADDED in str(error) else _no_decoder(dataset)) from None
    except Exception:
        raise PictureError("truncated") from None


def _jpeg_of_named_rgb(dataset: Any) -> npt.NDArray[Any] | None:
    """Decode a JPEG that calls its colours R, G and B, or that is YCbCr though the header says RGB; None for others.

    pydicom asks for the YCbCr of the first, which it does not have, and leaves that of the second as it is. Colours of
    which two are stored at half the size are YCbCr.
    """
    if str(dataset.file_meta.TransferSyntaxUID) not in JPEGS:
        return None
    image = Image.open(io.BytesIO(_frame(dataset)), formats=("JPEG",))
    layers = getattr(image, "layer", ())
    is_halved = len({tuple(layer[1:3]) for layer in layers}) > 1
    is_told = [layer[0] for layer in layers] == RGB_NAMES or is_halved
    return np.asarray(image) if is_told and image.mode == "RGB" else None


def _frame(dataset: Any) -> bytes:
    return bytes(get_frame(dataset.PixelData, 0, number_of_frames=1))


def _no_decoder(dataset: Any) -> str:
    """Say which compression it is, by its name in the standard, or that the data are damaged where it can be read."""
    uid = pydicom.uid.UID(str(getattr(dataset.file_meta, "TransferSyntaxUID", "")))
    if not uid:
        return "TransferSyntaxUID is missing"
    if not uid.is_transfer_syntax:
        return "unsupported pixels"
    if uid == pydicom.uid.JPEGExtended12Bit and int(dataset.BitsStored) > 8:
        return f"no decoder for {uid.name} of {dataset.BitsStored} bits"
    try:
        known = get_decoder(uid).is_available
    except NotImplementedError:
        known = False
    return "damaged" if known else f"no decoder for {uid.name}"


def _check_frame(dataset: Any, header: Header) -> None:
    """Refuse data that are not those of the header: of another length, or compressed from another size.

    Decoding those may take any memory, and hours, or shear the picture.
    """
    uid = pydicom.uid.UID(str(getattr(dataset.file_meta, "TransferSyntaxUID", "")))
    if not uid.is_transfer_syntax:
        return
    if not uid.is_encapsulated:
        if _is_encapsulated(dataset["PixelData"], header):
            raise PictureError(
                "TransferSyntaxUID says uncompressed, and the pixel data are compressed"
            )
        _check_length(len(dataset.PixelData), header)
        return
    try:
        frame = _frame(dataset)
        if uid == pydicom.uid.RLELossless:
            if (
                len(frame) > 2 * header.length + 1000
            ):  # more than one byte of count for each of data
                raise PictureError(LONGER)
            return
        if NEXT_PICTURE.search(b"".join(generate_fragments(dataset.PixelData))):
            raise PictureError("more than one picture")
        image = Image.open(io.BytesIO(frame), formats=("JPEG", "JPEG2000"))
    except PictureError:
        raise
    except UnidentifiedImageError:  # a compression that Pillow does not know
        return
    except Exception:
        raise PictureError("damaged") from None
    if image.size != (header.columns, header.rows):
        raise PictureError("damaged")
    if len(image.getbands()) != header.samples:
        raise PictureError(
            f"compressed data of {len(image.getbands())} colours, and SamplesPerPixel is {header.samples}"
        )
    if frame.startswith(JPEG):
        check_jpeg(frame)


def _is_encapsulated(element: Any, header: Header) -> bool:
    """Whether pixel data stand in items, as only compressed ones do; pixels may begin like an item by chance."""
    fits = header.length <= len(element.value) <= header.length + 1
    return bool(element.is_undefined_length) or (element.value.startswith(ITEMS) and not fits)


def _check_length(length: int, header: Header) -> None:
    """Refuse more data than the header needs, but for one byte of padding: lines of another length come out sheared."""
    if length <= header.length + 1:
        return
    if header.kind == SUBSAMPLED and length == header.rows * header.columns * 3:
        raise PictureError("YBR_FULL_422 with data that are not subsampled")
    raise PictureError(LONGER)


def _colour(pixels: npt.NDArray[Any], dataset: Any) -> Pictures:
    """RGB pixels, by the file's colour profile: pydicom has converted YCbCr, and a second time turns orange green."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise PictureError("unsupported pixels")
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.array(in_srgb(image, dataset.get("ICCProfile")))


def _looked_up(pixels: npt.NDArray[Any], dataset: Any) -> npt.NDArray[np.uint8]:
    """RGB of palette indices, PS3.3 C.7.9; entries of 16 bits are cut to 8."""
    with refusing("damaged"):
        colours = apply_color_lut(pixels, dataset)
        if colours.dtype == np.uint16 and not _is_8_bits_in_16(dataset):
            colours >>= 8
    return np.asarray(colours, np.uint8)


def _is_8_bits_in_16(dataset: Any) -> bool:
    """Whether the entries of a palette are 8 bits that are padded to 16, PS3.3 C.7.6.3.1.5.

    Some programs say 16 of them all the same, so that only the entries tell. A dark picture may
    use but the lowest ones, so that all of them count. Segmented palettes are never padded.
    """
    tables = [dataset.get(f"{name}PaletteColorLookupTableData") for name in PALETTE_COLOURS]
    return all(table and np.frombuffer(table, np.uint16).max() <= 255 for table in tables)
