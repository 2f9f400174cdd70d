"""Which molecules a nanopore reads: their places and lengths, chimeras of two, adapters, and junk.

As for pairs, fragment i of a donor has its own random numbers: more reads, other errors or another level of variation
move none of the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammainc, gammaincinv, ndtr, ndtri

from avatarflow.core.arrays import Codes, Floats, Integers
from avatarflow.core.errors import refuse
from avatarflow.reads.compiled import compiled, last_at_most, mix, unit_at, word_at
from avatarflow.reads.genomes.genome import CODE_OF
from avatarflow.reads.simulation.fragments import (
    GC_BINS,
    PLACE,
    SIDE,
    SOURCE,
    TRIES,
    Fragments,
    Origins,
    gc_bell,
    gc_share,
    haplotype_of,
    source_of,
)
from avatarflow.reads.simulation.library import Library, to_reference
from avatarflow.reads.simulation.mixture import Mixture

# places of a molecule's random numbers, beside those of pairs
LENGTH, KIND, ADAPTER_START, ADAPTER_END = 2, 4, 5, 6
PLAIN, CHIMERA, JUNK = range(3)
KINDS = ("plain", "chimera", "junk")
SECOND = np.uint64(1)
NOWHERE = -1


class Molecules(NamedTuple):
    """n reads: what they are, their first part, the second one of chimeras, and the bases of adapters at both ends.

    A part that is not there has contig -1; of junk, `first.right` - `first.left` is the length.
    """

    kind: Integers
    first: Fragments
    second: Fragments
    adapters: Integers  # (n, 2)


class MoleculeLaw(NamedTuple):
    """What a molecule is drawn by, beside its lengths."""

    least: int  # bases of a part
    kinds: tuple[float, float]  # uniform numbers below which a read is junk, or a chimera
    adapters: tuple[int, int]  # bases, at both ends
    shares: tuple[float, float]  # of reads with an adapter, at both ends


@dataclass(frozen=True)
class LongLayout:
    """Distributions of nanopore reads, as the config's `reads.long`."""

    length_distribution: str
    mean_bp: float
    sd_bp: float
    min_bp: int
    max_bp: int
    chimeras: float
    junk: float
    adapters: tuple[Codes, Codes]
    adapter_shares: tuple[float, float]
    gc_optimum: float = 0.45
    gc_strength: float = 0.0

    @classmethod
    def of(cls, reads: Mapping[str, Any]) -> "LongLayout":
        """From the config's `reads`."""
        settings, gc = reads["long"], reads.get("gc") or {}
        ends = [settings["adapters"][end] for end in ("start", "end")]
        one, two = (
            np.asarray(CODE_OF[np.frombuffer(end["sequence"].encode(), np.uint8)]) for end in ends
        )
        return cls(
            settings["length_distribution"], settings["mean_bp"], settings["sd_bp"],
            settings["min_bp"], settings["max_bp"],
            settings["chimeras"], settings["junk"], (one, two), (ends[0]["share"], ends[1]["share"]),
            gc.get("optimum", 0.45), gc.get("strength", 0.0),
        )  # fmt: skip

    def lengths(self, share: Floats) -> Floats:
        """Lengths of molecules below which such shares of all lie, of the distribution cut at both ends.

        Raises
        ------
        AvatarflowError
            If hardly any length of the distribution lies between `min_bp` and `max_bp`.
        """
        mean, sd, ends = (
            self.mean_bp,
            max(self.sd_bp, 1e-9 * self.mean_bp),
            np.array([self.min_bp, self.max_bp]),
        )
        spread = np.sqrt(np.log1p((sd / mean) ** 2))
        middle, shape, scale = np.log(mean) - spread**2 / 2, (mean / sd) ** 2, sd**2 / mean
        normal = self.length_distribution == "lognormal"
        low, high = (
            ndtr((np.log(ends) - middle) / spread) if normal else gammainc(shape, ends / scale)
        )
        if high - low < 1e-6:
            found = f"no lengths of the distribution between {self.min_bp} and {self.max_bp} bases"
            raise refuse("reads.long", found, "widen min_bp to max_bp, or move mean_bp into them")
        inside = low + share * (high - low)
        size = (
            np.exp(middle + spread * ndtri(inside))
            if normal
            else scale * gammaincinv(shape, inside)
        )
        return np.asarray(np.clip(np.rint(size), self.min_bp, self.max_bp))


def draw_molecules(
    key: np.uint64, first: int, count: int, library: Library, mixture: Mixture, layout: LongLayout
) -> Molecules:
    """Draw the molecules numbered first .. first + count - 1.

    Raises
    ------
    AvatarflowError
        If a molecule of `min_bp` fits nowhere in its genome.
    """
    one, two = Fragments.none(count), Fragments.none(count)
    out = Molecules(np.zeros(count, np.int64), one, two, np.zeros((count, 2), np.int64))
    shares = (layout.junk, layout.junk + layout.chimeras)
    adapters = (len(layout.adapters[0]), len(layout.adapters[1]))
    weights = gc_bell(layout.gc_optimum, layout.gc_strength)
    origins = Origins(library, np.cumsum(mixture.shares), mixture.settled(first, count), weights)
    law = MoleculeLaw(layout.min_bp, shares, adapters, layout.adapter_shares)
    sizes = layout.lengths(_shares(key, first, count)).astype(np.int64)
    _draw(key, first, origins, sizes, law, out)
    lost = (out.kind != JUNK) & (out.first.contig < 0) | (out.kind == CHIMERA) & (
        out.second.contig < 0
    )
    if lost.any():
        found = f"no room for a read of {layout.min_bp} bases in the genome of some source"
        raise refuse("reads.long.min_bp", found, "lower it, or give longer contigs without N")
    return out


@compiled
def _shares(key: np.uint64, first: int, count: int) -> Floats:
    """The uniform number that makes the length of each molecule's first and second part, (count, 2)."""
    out = np.empty((count, 2))
    for i in range(count):
        own = mix(key + np.uint64(first + i))
        out[i, 0], out[i, 1] = unit_at(own, LENGTH), unit_at(mix(own + SECOND), LENGTH)
    return out


@compiled
def known_around(library: Library, contig: int, at: int) -> tuple[int, int]:
    """The stretch of a contig's scaffold without N around a place; (at, at) if there is an N."""
    low, high = library.scaffold_starts[contig], library.scaffold_starts[contig + 1]
    k = last_at_most(library.unknown_starts, at, 0, len(library.unknown_starts))
    if k >= 0:
        if library.unknown_ends[k] > at:
            return at, at
        low = max(low, library.unknown_ends[k])
    if k + 1 < len(library.unknown_starts):
        high = min(high, library.unknown_starts[k + 1])
    return low, high


@compiled
def place_long(
    key: np.uint64,
    library: Library,
    view: int,
    size: int,
    least: int,
    reverse: bool,
    weights: Floats,
) -> tuple[int, int, int]:
    """Contig and scaffold span of a molecule: it begins anywhere and ends where the contig or the known bases do."""
    begin = library.scaffold_starts[library.first[view]]
    room = library.scaffold_starts[library.first[view + 1]] - begin
    for attempt in range(TRIES):
        at = begin + int(unit_at(key, PLACE + 2 * attempt) * room)
        contig = last_at_most(
            library.scaffold_starts, at, library.first[view], library.first[view + 1]
        )
        low, high = known_around(library, contig, at)
        left, right = (max(low, at + 1 - size), at + 1) if reverse else (at, min(high, at + size))
        if high > low and right - left >= least:
            share = min(gc_share(library, left, right), 1.0)
            if unit_at(key, PLACE + 2 * attempt + 1) < weights[int(share * (GC_BINS - 1) + 0.5)]:
                return contig, left, right
    return NOWHERE, 0, size


@compiled
def _draw_part(
    own: np.uint64, origins: Origins, settled: int, size: int, least: int, out: Fragments, i: int
) -> None:
    library = origins.library
    source = settled if settled >= 0 else source_of(unit_at(own, SOURCE), origins.borders)
    sides = word_at(own, SIDE)
    view = source + 1 if source > 0 else haplotype_of(own, library.first_share)
    reverse = (sides >> np.uint64(1)) & np.uint64(1) == np.uint64(1)
    contig, left, right = place_long(own, library, view, size, least, reverse, origins.weights)
    out.contig[i], out.source[i], out.left[i], out.right[i], out.reverse[i] = (
        contig,
        source,
        left,
        right,
        reverse,
    )
    if contig >= 0:
        out.start[i] = to_reference(library.large, left, library.scaffold_starts[contig])
        out.end[i] = to_reference(library.large, right - 1, library.scaffold_starts[contig]) + 1


@compiled
def adapter_bases(uniform: float, share: float, length: int) -> int:
    """How many bases of an adapter a read has: none, or a part, since its outer end is often lost."""
    if uniform >= share:
        return 0
    return min(int(length * (1 - (uniform / share) ** 2)) + 1, length)


@compiled
def _draw(
    key: np.uint64, first: int, origins: Origins, sizes: Integers, law: MoleculeLaw, out: Molecules
) -> None:
    settled, shares, adapters = origins.settled, law.shares, law.adapters
    for i in range(len(out.kind)):
        own = mix(key + np.uint64(first + i))
        kind = unit_at(own, KIND) if settled[i] < 0 else 1.0  # what is spiked in is plain
        out.first.contig[i] = out.second.contig[i] = NOWHERE
        out.adapters[i, 0] = adapter_bases(unit_at(own, ADAPTER_START), shares[0], adapters[0])
        out.adapters[i, 1] = adapter_bases(unit_at(own, ADAPTER_END), shares[1], adapters[1])
        if kind < law.kinds[0]:
            out.kind[i] = JUNK
            out.first.right[i] = sizes[i, 0]
            continue
        _draw_part(own, origins, settled[i], sizes[i, 0], law.least, out.first, i)
        if kind < law.kinds[1]:
            out.kind[i] = CHIMERA
            _draw_part(mix(own + SECOND), origins, -1, sizes[i, 1], law.least, out.second, i)
