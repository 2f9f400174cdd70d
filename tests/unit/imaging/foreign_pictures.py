"""Pictures as others hand them over, and why one is refused."""

import io

import pydicom
import pytest
from PIL import ImageCms
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
