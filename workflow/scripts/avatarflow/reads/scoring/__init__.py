"""Scores of read removal against the truth, and tools against each other."""
