"""Illumina reads: fragments, errors and the blocks that are written."""
