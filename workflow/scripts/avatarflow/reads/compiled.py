"""Compiled loops, and random numbers that belong to a place (fragment, read, cycle) and not to a sequence of calls.

Equal keys give equal numbers whatever was drawn before: that is what keeps fragments and errors where they are when
another knob moves, and what makes shards, blocks and order irrelevant.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., object])

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S30, S27, S31, S11, ONE = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11), np.uint64(1)
TO_UNIT = 1.0 / (1 << 53)


def _cache() -> Path:
    """Where machine code of this version of the loops lies.

    numba keeps it by the file of the function that is called, although the code of functions from other modules is
    part of it: an edit there would go unnoticed. So the folder's name is a digest of all modules with loops.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(here.rglob("*.py")):
        source = path.read_bytes()
        digest.update(source if b"compiled" in source else b"")
    return here / "__pycache__" / f"numba-{digest.hexdigest()[:16]}"


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(_cache())


def compiled(function: F) -> F:
    """Compile with numba at the first call; the machine code is cached beside the modules, see `_cache`."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@compiled
def mix(word: np.uint64) -> np.uint64:
    """Scramble 64 bits.

    References
    ----------
    Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014), the finaliser of SplitMix64.
    """
    word = (word ^ (word >> S30)) * MIX_1
    word = (word ^ (word >> S27)) * MIX_2
    return word ^ (word >> S31)


@compiled
def word_at(key: np.uint64, place: int) -> np.uint64:
    """The 64 random bits that belong to a place under a key: element `place` of a SplitMix64 stream."""
    return mix(key + (np.uint64(place) + ONE) * GOLDEN)


@compiled
def unit_at(key: np.uint64, place: int) -> float:
    """As `word_at`, as a number in [0, 1)."""
    return float(word_at(key, place) >> S11) * TO_UNIT


@compiled
def last_at_most(values: np.ndarray, value: int, low: int, high: int) -> int:
    """Index of the last of the sorted values[low:high] that is at most `value`; low - 1 if none is."""
    while low < high:
        middle = (low + high) >> 1
        if values[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low - 1
