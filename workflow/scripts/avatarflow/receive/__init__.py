"""Receiving DICOM over the network into a folder, which the source `dicom` then reads."""
