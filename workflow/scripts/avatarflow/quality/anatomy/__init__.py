"""Anatomy of one picture, measured with plain image processing: nothing here is learned."""

WRONG_ANATOMY = "anatomy: "
"""How every reason to refuse a picture for its anatomy begins."""
