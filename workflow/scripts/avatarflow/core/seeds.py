"""Seeds belong to items, not to processes, so results do not depend on shards, order or resumes."""

import zlib

import numpy as np


def sequence(seed: int, purpose: str, *item: int) -> np.random.SeedSequence:
    """Return the seed sequence of one item for one purpose.

    Parameters
    ----------
    seed : int
        The run's seed from the config, >= 0.
    purpose : str
        What the numbers are for (`"sample"`, `"augment"`); two purposes never share numbers.
    item : int
        Which picture, step, read or person; >= 0 each.

    References
    ----------
    numpy.random.SeedSequence, `spawn_key`.
    """
    return np.random.SeedSequence(seed, spawn_key=(zlib.crc32(purpose.encode()), *item))


def generator(seed: int, purpose: str, *item: int) -> np.random.Generator:
    """Return a numpy generator for one item; see `sequence`."""
    return np.random.default_rng(sequence(seed, purpose, *item))


def integer(seed: int, purpose: str, *item: int) -> int:
    """Return a 63-bit integer for libraries that take one number (torch, command-line tools); see `sequence`."""
    return int(sequence(seed, purpose, *item).generate_state(1, np.uint64)[0] >> np.uint64(1))
