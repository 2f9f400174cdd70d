"""Made-up genomes, so that a benchmark runs without any data: random bases with families of repeats."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from avatarflow.core.arrays import Codes
from avatarflow.core.seeds import generator

from .genome import Genome

HOST_GC = 0.41
MICROBE_GC = (0.38, 0.66)  # first and last made-up microbe; the others lie between
HOST_REPEATS, MICROBE_REPEATS = 0.3, 0.02
CONTIG = "chr1"


def made_up_host(length_bp: int, seed: int) -> Genome:
    """A chromosome with the base composition and about the repeats of a human one."""
    return random_genome(CONTIG, length_bp, HOST_GC, HOST_REPEATS, seed)


def made_up_microbes(generated: Mapping[str, Any], seed: int) -> dict[str, Genome]:
    """As many microbes as asked, from AT-rich to GC-rich."""
    count, (low, high) = generated["count"], MICROBE_GC
    names = [f"microbe{number}" for number in range(1, count + 1)]
    gcs = [low + (high - low) * number / max(count - 1, 1) for number in range(count)]
    return {
        name: random_genome(name, generated["length_bp"], gc, MICROBE_REPEATS, seed)
        for name, gc in zip(names, gcs, strict=True)
    }


def made_up_repeats(length_bp: int, seed: int) -> list[tuple[int, int]]:
    """Where `made_up_host` put its repeats (0-based, half-open), in the order of making; they may overlap."""
    _, starts, unit = _drawn(CONTIG, length_bp, HOST_GC, HOST_REPEATS, seed)
    return [(start, start + unit) for start in starts]


def random_genome(name: str, length_bp: int, gc: float, repeat_share: float, seed: int) -> Genome:
    """A made-up chromosome: random bases with families of diverged repeats, so that aligners meet repeats.

    Parameters
    ----------
    name : str
        Of the one contig; also what the seed belongs to.
    length_bp : int
    gc : float
        Share of G and C, 0..1.
    repeat_share : float
        About how much of the length is copies of repeats (four families of 300 bp, copies 10 % diverged), 0..1.
    seed : int
    """
    return Genome.of([(name, _drawn(name, length_bp, gc, repeat_share, seed)[0])])


def _drawn(
    name: str, length_bp: int, gc: float, repeat_share: float, seed: int
) -> tuple[Codes, list[int], int]:
    """Bases, where repeats start, and how long they are."""
    random = generator(seed, "genome", zlib.crc32(name.encode()))
    weights = np.array([1 - gc, gc, gc, 1 - gc]) / 2
    codes = random.choice(4, length_bp, p=weights).astype(np.uint8)
    families = random.choice(4, (4, min(300, length_bp)), p=weights).astype(np.uint8)
    unit = families.shape[1]
    starts = []
    for _ in range(int(repeat_share * length_bp / unit)):
        copy = families[random.integers(len(families))].copy()
        changed = np.flatnonzero(random.random(unit) < 0.1)
        copy[changed] = (copy[changed] + random.integers(1, 4, len(changed))) % 4
        start = int(random.integers(length_bp - unit + 1))
        codes[start : start + unit] = copy
        starts.append(start)
    return codes, starts, unit
