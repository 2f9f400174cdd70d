"""One DICOM Secondary Capture per picture, marked as synthetic, under UIDs that follow from the picture alone.

Ophthalmic Photography would ask for a device, its settings and an acquisition; a drawn picture has none of them.

References
----------
DICOM PS3.3 2024: A.8.1 (Secondary Capture), C.8.6.1 (SYN: a synthetic image), C.12.1 (Synthetic Data).
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from avatarflow.core.arrays import Pictures
from avatarflow.imaging.spool import Stored

FOLDER = "dicom"
IMPLEMENTATION = generate_uid(entropy_srcs=["avatarflow", "implementation"])
NOT_FOR = "Not for diagnosis, and not as evidence about any population. Do not try to link pictures to persons."
SYNTHETIC = "Synthetic: drawn by a generator. Not a photograph of a patient."


def write(folder: Path, labels: pd.DataFrame, pictures: Stored) -> None:
    """Write `000000.dcm` and so on into a new folder, in the order of the released pictures.

    Parameters
    ----------
    folder : path
    labels : DataFrame
        What the generator was asked for: a row per picture, a column per condition.
    pictures : (n, height, width, 3) uint8
    """
    folder.mkdir()
    study = _digest(pictures)
    for number, (_, row) in enumerate(labels.iterrows()):
        asked = {str(column): str(value) for column, value in row.items() if pd.notna(value)}
        dataset = secondary_capture(pictures[number], number, asked, study)
        dataset.save_as(folder / f"{number:06d}.dcm", enforce_file_format=True)


def _digest(pictures: object) -> str:
    """Return a digest over all pictures: what makes one release's UIDs differ from another's."""
    total = hashlib.sha256()
    for picture in pictures:  # type: ignore[attr-defined]
        total.update(np.ascontiguousarray(picture).tobytes())
    return total.hexdigest()


def secondary_capture(
    picture: Pictures, number: int, labels: dict[str, str], study: str
) -> FileDataset:
    """Return one picture as a Secondary Capture.

    Parameters
    ----------
    picture : (height, width, 3) uint8
    number : int
        Within the release; it makes the patient's number, since no two pictures are known to show one person.
    labels : mapping of column to value
        What the generator was asked for.
    study : str
        Digest that the UIDs are made of.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[study, "instance", str(number)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.SyntheticData = "YES"
    dataset.ImageType = ["DERIVED", "SECONDARY", "SYNTHETIC"]
    _nobody(dataset, number, study)
    _device(dataset)
    dataset.InstanceNumber = str(number + 1)
    dataset.ImageComments = SYNTHETIC
    asked = ", ".join(f"{column}={value}" for column, value in labels.items())
    dataset.DerivationDescription = f"{SYNTHETIC} Asked for: {asked or 'nothing'}. {NOT_FOR}"[:1024]
    _pixels(dataset, picture)
    return dataset


def _nobody(dataset: Dataset, number: int, study: str) -> None:
    """Fill in patient, study and series: nobody's, without any date."""
    dataset.PatientName = f"Synthetic^{number:06d}"
    dataset.PatientID = f"SYNTHETIC-{number:06d}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "No patient: drawn by a generator"
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[study, "study", str(number)])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[study, "series", str(number)])
    dataset.StudyDate = ""
    dataset.StudyTime = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.AccessionNumber = ""
    dataset.SeriesNumber = "1"
    dataset.PatientOrientation = ""
    dataset.Laterality = ""  # the standard asks for it where no body part says that there is none


def _device(dataset: Dataset) -> None:
    """Say that a program made the picture."""
    dataset.Modality = "OT"
    dataset.ConversionType = "SYN"
    dataset.Manufacturer = ""
    dataset.SecondaryCaptureDeviceManufacturer = "avatarflow"
    dataset.ContentQualification = "RESEARCH"


def _pixels(dataset: Dataset, picture: Pictures) -> None:
    """Put a picture in, uncompressed."""
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = (int(length) for length in picture.shape[:2])
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.PixelData = np.ascontiguousarray(
        picture
    ).tobytes()  # written with an even number of bytes
