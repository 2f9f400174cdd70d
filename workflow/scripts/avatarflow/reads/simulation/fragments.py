"""Where fragments come from: source, place, length, strand and haplotype, independent of errors and small variation.

Fragment i of a donor has its own random numbers: asking for more fragments, other errors or another level of variation
changes none of the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.errors import refuse
from avatarflow.core.seeds import integer
from avatarflow.reads.compiled import compiled, last_at_most, mix, unit_at, word_at

from .library import GC_STEP, Library, to_reference
from .mixture import Mixture

TRIES = 5000  # places looked at before a fragment is said to fit nowhere
GC_BINS = 51
NORMAL, LOGNORMAL = 0, 1
# places of a fragment's random numbers
SOURCE, SIDE, LENGTH_A, LENGTH_B, HAPLOTYPE, PLACE = 0, 1, 2, 3, 7, 8


class Fragments(NamedTuple):
    """n fragments, a field each (n,). Scaffold places are numbered through; `start`, `end` lie on the reference."""

    contig: Integers  # of the library; -1 where no place was found
    source: Integers  # 0 is the host
    left: Integers  # on the scaffold
    right: Integers
    start: Integers
    end: Integers
    reverse: npt.NDArray[np.bool_]

    @classmethod
    def none(cls, count: int) -> "Fragments":
        """Return room for fragments that are not drawn yet."""
        contig, source, left, right, start, end = np.zeros((6, count), np.int64)
        return cls(contig, source, left, right, start, end, np.zeros(count, bool))


class Origins(NamedTuple):
    """Where fragments may come from."""

    library: Library
    borders: Floats
    """(sources,) up to where each source's share of all fragments reaches."""
    settled: Integers
    """(n,) the sources that are given beforehand; -1 where one is drawn."""
    weights: Floats
    """(GC_BINS,) chances that a fragment is kept; see `gc_bell`."""


@dataclass(frozen=True)
class Layout:
    """How reads are cut: their length, one or two ends, the laws of fragment length (at least a read) and of GC."""

    length_bp: int
    fragment_mean_bp: float
    fragment_sd_bp: float
    fragment_distribution: str = "normal"
    single: bool = False
    gc_optimum: float = 0.45
    gc_strength: float = 0.0

    @classmethod
    def of(cls, reads: Mapping[str, Any]) -> "Layout":
        """From the config's `reads`."""
        gc = reads.get("gc") or {}
        return cls(
            reads["length_bp"], reads["fragment_mean_bp"], reads["fragment_sd_bp"],
            reads.get("fragment_distribution", "normal"),
            reads.get("ends", "pairs") == "single", gc.get("optimum", 0.45), gc.get("strength", 0.0),
        )  # fmt: skip

    def length_law(self) -> tuple[int, float, float, int]:
        """Law, its two parameters, and the smallest length."""
        mean, sd = self.fragment_mean_bp, self.fragment_sd_bp
        if self.fragment_distribution == "lognormal":
            spread = np.log1p((sd / mean) ** 2)
            return (
                LOGNORMAL,
                float(np.log(mean) - spread / 2),
                float(np.sqrt(spread)),
                self.length_bp,
            )
        return NORMAL, float(mean), float(sd), self.length_bp

    def gc_weights(self) -> Floats:
        """See `gc_bell`."""
        return gc_bell(self.gc_optimum, self.gc_strength)


def gc_bell(optimum: float, strength: float) -> Floats:
    """Chance that a fragment of some share of G and C is kept, (GC_BINS,): a bell around the optimum, 1 there.

    `strength` is the logarithm of how much rarer a fragment is whose share lies .25 off the optimum.

    References
    ----------
    Benjamini, Speed: Summarizing and correcting the GC content bias (2012): fragment counts are unimodal in GC.
    """
    share = np.linspace(0, 1, GC_BINS)
    return np.asarray(np.exp(-strength * ((share - optimum) / 0.25) ** 2))


def fragment_key(seed: int, donor: int) -> np.uint64:
    """What all fragments of one donor are drawn from."""
    return np.uint64(integer(seed, "fragments", donor))


def draw_fragments(
    key: np.uint64, first: int, count: int, library: Library, mixture: Mixture, layout: Layout
) -> Fragments:
    """Draw the fragments numbered first .. first + count - 1.

    Raises
    ------
    AvatarflowError
        If a fragment fits nowhere in its genome.
    """
    out = Fragments.none(count)
    settled = mixture.settled(first, count)
    origins = Origins(library, np.cumsum(mixture.shares), settled, layout.gc_weights())
    _draw(key, first, origins, layout.length_law(), out)
    if (out.contig < 0).any():
        lost = int(np.flatnonzero(out.contig < 0)[0])
        taxon = mixture.taxa[out.source[lost]]
        found = f"no room for a fragment of {out.right[lost]} bases in the genome of {taxon}"
        raise refuse(
            "reads.fragment_mean_bp",
            found,
            "shorten the fragments or give longer contigs without N",
        )
    return out


@compiled
def draw_size(key: np.uint64, law: tuple[int, float, float, int]) -> int:
    """A length from its law, by Box and Muller's transform of two uniform numbers."""
    radius = np.sqrt(-2.0 * np.log(1.0 - unit_at(key, LENGTH_A)))
    normal = radius * np.cos(2.0 * np.pi * unit_at(key, LENGTH_B))
    value = law[1] + law[2] * normal
    if law[0] == LOGNORMAL:
        value = np.exp(value)
    return max(int(np.rint(value)), law[3])


@compiled
def fits(library: Library, contig: int, left: int, right: int) -> bool:
    """Whether [left, right) of the scaffold ends inside its contig and holds no N."""
    if right > library.scaffold_starts[contig + 1]:
        return False
    k = last_at_most(library.unknown_starts, right - 1, 0, len(library.unknown_starts))
    return k < 0 or library.unknown_ends[k] <= left


@compiled
def gc_share(library: Library, left: int, right: int) -> float:
    """Share of G and C of [left, right) on the scaffold, to within a few bases."""
    a, b = left // GC_STEP, (right + GC_STEP - 1) // GC_STEP
    return float(library.gc[b] - library.gc[a]) / max((b - a) * GC_STEP, 1)


@compiled
def source_of(uniform: float, borders: Floats) -> int:
    """Which source a uniform number falls to."""
    source = 0
    while source < len(borders) - 1 and uniform >= borders[source]:
        source += 1
    return source


@compiled
def haplotype_of(key: np.uint64, first_share: float) -> int:
    """Which haplotype of the host a fragment comes from, 0 or 1: a fair coin, or by the share of the first."""
    second: Any = np.int64(unit_at(key, HAPLOTYPE) >= first_share)
    if first_share == 0.5:
        second = np.int64(word_at(key, SIDE) & np.uint64(1))
    return int(second)


@compiled
def place(
    key: np.uint64, library: Library, view: int, size: int, weights: Floats
) -> tuple[int, int]:
    """Contig and scaffold place of a fragment: the first of its places that fits and that the law of GC keeps."""
    low = library.scaffold_starts[library.first[view]]
    room = library.scaffold_starts[library.first[view + 1]] - low
    for attempt in range(TRIES):
        left = low + int(unit_at(key, PLACE + 2 * attempt) * room)
        contig = last_at_most(
            library.scaffold_starts, left, library.first[view], library.first[view + 1]
        )
        if fits(library, contig, left, left + size):
            share = min(gc_share(library, left, left + size), 1.0)
            if unit_at(key, PLACE + 2 * attempt + 1) < weights[int(share * (GC_BINS - 1) + 0.5)]:
                return contig, left
    return -1, 0


@compiled
def _draw(
    key: np.uint64, first: int, origins: Origins, law: tuple[int, float, float, int], out: Fragments
) -> None:
    library, settled = origins.library, origins.settled
    for i in range(len(out.contig)):
        own = mix(key + np.uint64(first + i))
        size = draw_size(own, law)
        source = settled[i] if settled[i] >= 0 else source_of(unit_at(own, SOURCE), origins.borders)
        sides = word_at(own, SIDE)
        view = source + 1 if source > 0 else haplotype_of(own, library.first_share)
        contig, left = place(own, library, view, size, origins.weights)
        out.source[i], out.contig[i], out.left[i] = source, contig, left
        out.reverse[i] = (sides >> np.uint64(1)) & np.uint64(1) == np.uint64(1)
        out.right[i] = left + size if contig >= 0 else size
        if contig >= 0:
            out.start[i] = to_reference(library.large, left, library.scaffold_starts[contig])
            out.end[i] = (
                to_reference(library.large, left + size - 1, library.scaffold_starts[contig]) + 1
            )
