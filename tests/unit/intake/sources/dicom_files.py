"""DICOM files of invented patients, as devices write them."""

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

OPHTHALMIC_8_BIT = "1.2.840.10008.5.1.4.1.1.77.1.5.1"


def write(path, pixels=None, seed=0, **elements):
    """Write one Ophthalmic Photography 8 Bit image; an element of None is left out."""
    if pixels is None:
        pixels = np.random.default_rng(seed).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = OPHTHALMIC_8_BIT
    uid = elements.get("SOPInstanceUID") or generate_uid(entropy_srcs=[str(path)])
    meta.MediaStorageSOPInstanceUID = uid
    file = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "SOPClassUID": OPHTHALMIC_8_BIT,
        "SOPInstanceUID": uid,
        "PatientName": "Doe^Jane",
        "PatientID": "p1",
        "PatientBirthDate": "19600615",
        "PatientSex": "F",
        "AcquisitionDateTime": "20250614101500.000+0100",
        "ImageLaterality": "R",
        "Manufacturer": "Maker",
        "ManufacturerModelName": "Cam 1",
        "Modality": "OP",
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "BurnedInAnnotation": "NO",
        "PixelData": pixels.tobytes(),
        **elements,
    }
    with pydicom.config.disable_value_validation():
        for name, value in values.items():
            if value is not None:
                setattr(file, name, value)
        block = file.private_block(0x0029, "MAKER", create=True)
        block.add_new(1, "LO", values["PatientID"] or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        file.save_as(path, enforce_file_format=True)
    return path
