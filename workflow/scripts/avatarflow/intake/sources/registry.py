"""The sources by name, which is their key under `source` in the configuration."""

from collections.abc import Mapping

from . import dicom, manifest
from .rows import Place, Source

SOURCES: Mapping[str, Source] = {"manifest": manifest.read, "dicom": dicom.read}


def source_of(place: Place) -> Source:
    """Return the source that reads a place."""
    return SOURCES["manifest" if place.manifest else "dicom"]
