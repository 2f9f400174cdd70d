"""What is received: pictures of these storage classes, in the compressions that intake decodes."""

from collections.abc import Iterator

import pydicom.uid
from pydicom.pixels import get_decoder

STORAGE_CLASSES = (
    "ComputedRadiographyImageStorage",
    "CTImageStorage",
    "DermoscopicPhotographyImageStorage",
    "DigitalIntraOralXRayImageStorageForPresentation",
    "DigitalMammographyXRayImageStorageForPresentation",
    "DigitalXRayImageStorageForPresentation",
    "MRImageStorage",
    "MultiFrameGrayscaleByteSecondaryCaptureImageStorage",
    "MultiFrameGrayscaleWordSecondaryCaptureImageStorage",
    "MultiFrameTrueColorSecondaryCaptureImageStorage",
    "OphthalmicOpticalCoherenceTomographyEnFaceImageStorage",
    "OphthalmicPhotography16BitImageStorage",
    "OphthalmicPhotography8BitImageStorage",
    "OphthalmicTomographyImageStorage",
    "SecondaryCaptureImageStorage",
    "UltrasoundImageStorage",
    "VLEndoscopicImageStorage",
    "VLMicroscopicImageStorage",
    "VLPhotographicImageStorage",
    "WideFieldOphthalmicPhotographyStereographicProjectionImageStorage",
)
"""Keywords of PS3.4 B.5: classes in which one frame is one picture; multi-frame files of one frame are."""


def storage_classes() -> list[str]:
    """Return the UIDs of the storage classes."""
    return [str(getattr(pydicom.uid, name)) for name in STORAGE_CLASSES]


def transfer_syntaxes() -> list[str]:
    """Return the UIDs of the transfer syntaxes that intake decodes with what is installed."""
    return [str(uid) for uid in _decoded()]


def _decoded() -> Iterator[pydicom.uid.UID]:
    for uid in pydicom.uid.AllTransferSyntaxes:
        try:
            if get_decoder(uid).is_available:
                yield uid
        except NotImplementedError:
            continue
