"""Nanopore reads: molecules, errors and the blocks that are written."""
