"""Exact nearest neighbours by angle, in blocks."""
