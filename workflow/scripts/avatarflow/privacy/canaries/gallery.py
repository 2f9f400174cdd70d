"""Canaries in the gallery: they have cones like originals, so that the filter can catch them. No torch."""

from typing import Any

import numpy as np

from avatarflow.core.arrays import Integers
from avatarflow.imaging.shards import iterate, read_table
from avatarflow.imaging.spool import Spool
from avatarflow.privacy.fingerprints.files import load_rows


def gallery_rows(canaries: str, fingerprints: str, own: str, encoder: str) -> list[Any]:
    """What `cone.uncalibrated` takes of each: fingerprints (n, d), persons, rows, altered fingerprints (n, a, d)."""
    table = read_table(canaries)
    rows = [np.asarray(load_rows(path, encoder)) for path in (fingerprints, own)]
    return [rows[0], table["person"].to_numpy(), table["row"].to_numpy(), rows[1]]


def append_canaries(pictures: Spool, places: Integers, canaries: str) -> Integers:
    """Append the canaries to the pictures of a pool; return the places of all that have cones, the originals' first.

    Parameters
    ----------
    pictures : Spool
        Of the pool; it grows.
    places : (m,)
        Of the originals among them.
    canaries : str
        Their shards; empty where there are none.
    """
    known = len(pictures)
    for block in iterate(canaries) if canaries else ():
        pictures.extend(block)
    return np.concatenate([places, np.arange(known, len(pictures))])
