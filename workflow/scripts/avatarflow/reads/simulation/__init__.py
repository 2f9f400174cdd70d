"""Reads of a mixture, with the truth about every base."""
