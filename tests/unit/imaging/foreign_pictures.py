"""Pictures as others hand them over, and why one is refused."""

import io
import struct
import zlib

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageCms
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from avatarflow.imaging.io import read_picture
from avatarflow.imaging.picture_checks import PictureError

CANARY = "CANARY-Jane-Doe"


def profile_of(*order, name="test"):
    """The profile of sRGB with its primaries in another order, under a name of four letters."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags = [b"rXYZ", b"gXYZ", b"bXYZ"]
    for number, tag in enumerate(tags):
        data = data.replace(tag, b"\0\0%d\0" % number)
    for number, place in enumerate(order):
        data = data.replace(b"\0\0%d\0" % number, tags[place], 1)
    return data.replace("sRGB".encode("utf-16-be"), name.encode("utf-16-be"))


def saved(path, image, **options):
    image.save(path, **options)
    return path


def reason(path, limits=None):
    with pytest.raises(PictureError) as error:
        read_picture(path, limits)
    assert str(error.value) == error.value.reason
    assert path.name not in str(error.value)
    return error.value.reason


def chunk(name, content):
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def png(path, values, colour_type, *between, rows=None, passes=((0, 0, 1, 1),)):
    """A PNG by hand: chunks `between` header and pixels, and only so many `rows` of each pass."""
    height, width = values.shape[:2]
    header = (width, height, 8 * values.dtype.itemsize, colour_type, 0, 0, len(passes) > 1)
    lines = [
        b"\0" + line.tobytes()
        for row, column, down, across in passes
        for line in np.ascontiguousarray(values[row::down, column::across])[:rows]
    ]
    chunks = [
        chunk(b"IHDR", struct.pack(">IIBBBBB", *header)),
        *between,
        chunk(b"IDAT", zlib.compress(b"".join(lines))),
        chunk(b"IEND", b""),
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


def jpeg_of(picture, **options):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=95, subsampling=0, **options)
    return stream.getvalue()


def parted(jpeg):
    """The tables of a JPEG as a stream of their own, and the rest, as a TIFF keeps them."""
    tables = rest = b"\xff\xd8"
    place = 2
    while jpeg[place + 1] != 0xDA:
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if jpeg[place + 1] in (0xDB, 0xC4):
            tables += jpeg[place:end]
        elif jpeg[place + 1] >> 4 != 0xE:
            rest += jpeg[place:end]
        place = end
    return tables + b"\xff\xd9", rest + jpeg[place:]


def jpeg_tiles(path, picture, side, parts=None):
    """A TIFF of YCbCr tiles as JPEG, their tables shared; `parts` in place of the tiles."""
    height, width = picture.shape[:2]
    full = np.pad(picture, ((0, -height % side), (0, -width % side), (0, 0)), "edge")
    corners = [(y, x) for y in range(0, height, side) for x in range(0, width, side)]
    cut = [parted(jpeg_of(full[y : y + side, x : x + side].copy())) for y, x in corners]
    parts = parts or [rest for _, rest in cut]
    tags = [(259, "H", 7), (322, "I", side), (323, "I", side)]
    tags += [(347, "B", *cut[0][0]), (530, "H", 1, 1)]
    return ycbcr_tiff(path, (width, height), parts, tags, (324, 325)), parts


def subsampled_tiff(path, picture, across, down, said=None, compress=None, tail=b""):
    """A TIFF of YCbCr in two strips, one pair of colours for so many pixels; `tail` at its end."""
    height, width = picture.shape[:2]
    values = np.asarray(Image.fromarray(picture).convert("YCbCr"))
    blocks = values.reshape(height // down, down, width // across, across, 3).swapaxes(1, 2)
    light = blocks[..., 0].reshape(height // down, width // across, -1)
    units = np.concatenate([light, blocks[:, :, 0, 0, 1:]], 2)
    parts = [half.tobytes() for half in np.split(units, 2)]
    if compress:
        parts = [zlib.compress(part) for part in parts]
    tags = [(259, "H", 8 if compress else 1), (278, "I", height // 2)]
    tags += [(530, "H", *(said or (across, down)))]
    ycbcr_tiff(path, (width, height), parts, tags, (273, 279))
    path.write_bytes(path.read_bytes() + tail)
    return path


def ycbcr_tiff(path, size, parts, more, where):
    """A TIFF of YCbCr by hand: `more` tags, and the tags of offsets and lengths of its parts."""
    starts = np.cumsum([8, *map(len, parts)]).tolist()
    tags = [(256, "I", size[0]), (257, "I", size[1]), (258, "H", 8, 8, 8), (262, "H", 6)]
    tags += [(277, "H", 3), (where[0], "I", *starts[:-1]), (where[1], "I", *map(len, parts))]
    tags = sorted(tags + more)
    entries, extra, after = b"", b"", starts[-1] + 6 + 12 * len(tags)
    for number, kind, *values in tags:
        packed = struct.pack(f"<{len(values)}{kind}", *values)
        if len(packed) > 4:
            packed, extra = struct.pack("<I", after + len(extra)), extra + packed
        code = {"B": 7, "H": 3, "I": 4}[kind]
        entries += struct.pack("<HHI", number, code, len(values)) + packed.ljust(4, b"\0")
    start = b"II*\0" + struct.pack("<I", starts[-1])
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    path.write_bytes(start + b"".join(parts) + directory + extra)
    return path


def dicom(path, pixels, kind="MONOCHROME2", **fields):
    """A secondary capture with a telling patient name."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        SecondaryCaptureImageStorage,
        generate_uid(),
    )
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = pydicom.Dataset()
    data.file_meta, data.PatientName, data.PhotometricInterpretation = meta, CANARY, kind
    data.SOPClassUID, data.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID,
        meta.MediaStorageSOPInstanceUID,
    )
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = 8 * pixels.dtype.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, 0
    for name, value in fields.items():
        setattr(data, name, value)
    data.PixelData = pixels.tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, data, enforce_file_format=True)
    path.write_bytes(buffer.getvalue())
    return path


def jpeg_in_dicom(path, pixels, jpeg):
    """The same as a JPEG of YCbCr."""
    data = pydicom.dcmread(dicom(path, pixels, "YBR_FULL_422"))
    data.PixelData, data.file_meta.TransferSyntaxUID = encapsulate([jpeg]), JPEGBaseline8Bit
    data["PixelData"].VR = "OB"
    data.save_as(path, enforce_file_format=True)
    return path
