"""Canaries in the gallery: they have cones like originals, so that the filter can catch them. No torch."""

from typing import Any

import numpy as np

from avatarflow.imaging.shards import read_table
from avatarflow.privacy.fingerprints.files import load_rows


def gallery_rows(canaries: str, fingerprints: str, own: str, encoder: str) -> list[Any]:
    """What `cone.uncalibrated` takes of each: fingerprints (n, d), persons, rows, altered fingerprints (n, a, d)."""
    table = read_table(canaries)
    rows = [np.asarray(load_rows(path, encoder)) for path in (fingerprints, own)]
    return [rows[0], table["person"].to_numpy(), table["row"].to_numpy(), rows[1]]
