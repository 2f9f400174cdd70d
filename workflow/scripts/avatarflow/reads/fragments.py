"""Where fragments come from: source, place, length, strand and haplotype, independent of errors and variation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import refuse
from .genome import Codes, Genome, Integers, N
from .individual import Haplotype
from .mixture import Mixture

TRIES = 24
COMPLEMENT: Codes = np.array([3, 2, 1, 0, 4], np.uint8)


@dataclass(frozen=True)
class Layout:
    """How pairs are cut: read length and the normal law of fragment lengths, never shorter than a read."""

    length_bp: int
    fragment_mean_bp: float
    fragment_sd_bp: float

    @classmethod
    def of(cls, reads: Mapping[str, Any]) -> "Layout":
        """From the config's `reads`."""
        return cls(reads["length_bp"], reads["fragment_mean_bp"], reads["fragment_sd_bp"])


class Source:
    """One genome that fragments are cut from: the host with two haplotypes, or a microbe as it is."""

    def __init__(self, taxon: str, genome: Genome, haplotypes: Sequence[Haplotype] = ()) -> None:
        self.taxon = taxon
        self.genome = genome
        self.haplotypes = haplotypes
        edges = np.diff(np.concatenate([[0], (genome.codes == N).view(np.int8), [0]]))
        self.unknown = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)  # runs of N: starts, ends

    def place(self, uniform: npt.NDArray[np.float64], size: Integers) -> tuple[Integers, Integers]:
        """Contig number and start (0-based, within the contig) of fragments, uniform over the places without N.

        Parameters
        ----------
        uniform : (n, TRIES)
            The first column whose place fits is taken.
        size : (n,)
            Fragment lengths.

        Raises
        ------
        AvatarflowError
            If no place fits a fragment.
        """
        if not len(uniform):
            return size, size
        at = (uniform * len(self.genome.codes)).astype(np.int64)  # (n, TRIES)
        end = at + size[:, None]
        contig = np.searchsorted(self.genome.starts, at, side="right") - 1
        starts, ends = self.unknown
        clean = np.searchsorted(ends, at, side="right") == np.searchsorted(starts, end, side="left")
        fits = clean & (end <= self.genome.starts[contig + 1])
        if not fits.any(1).all():
            found = f"no room for a fragment of {size[~fits.any(1)][0]} bases in the genome of {self.taxon}"
            raise refuse("reads.fragment_mean_bp", found, "shorten the fragments or give longer contigs without N")
        rows, first = np.arange(len(at)), fits.argmax(1)
        contig = contig[rows, first]
        return contig, at[rows, first] - self.genome.starts[contig]

    def templates(self, contig: Integers, start: Integers, end: Integers, hap: Integers, length: int) -> Codes:
        """Left and right ends of fragments in reading direction, (n, 2, length): what a perfect machine would read."""
        out = np.empty((len(start), 2, length), np.uint8)
        for genome, which, left, right in self._views(contig, start, end, hap):
            limit = genome.starts[contig[which] + 1]
            first = np.minimum(left, limit - length)[:, None] + np.arange(length)
            last = np.maximum(right, genome.starts[contig[which]] + length)[:, None] - 1 - np.arange(length)
            out[which, 0], out[which, 1] = genome.codes[first], COMPLEMENT[genome.codes[last]]
        return out

    def _views(
        self, contig: Integers, start: Integers, end: Integers, hap: Integers
    ) -> list[tuple[Genome, Integers, Integers, Integers]]:
        """Per sequence to read from: which fragments, and their ends in its concatenated codes."""
        if not self.haplotypes:
            offset = self.genome.starts[contig]
            return [(self.genome, np.arange(len(start)), offset + start, offset + end)]
        views = []
        for number, haplotype in enumerate(self.haplotypes):
            for where in range(len(self.genome.names)):
                which = np.flatnonzero((hap == number) & (contig == where))
                offset = haplotype.genome.starts[where]
                left, right = haplotype.lift(where, start[which]), haplotype.lift(where, end[which])
                views.append((haplotype.genome, which, offset + left, offset + right))
        return views


@dataclass(frozen=True)
class Fragments:
    """n fragments, a field each (n,): source, contig, place on the reference (0-based, half-open), haplotype 0 or 1."""

    source: Integers
    contig: Integers
    start: Integers
    end: Integers
    haplotype: Integers
    reverse: npt.NDArray[np.bool_]


def draw_fragments(
    random: np.random.Generator, count: int, sources: Sequence[Source], mixture: Mixture, layout: Layout
) -> Fragments:
    """Draw fragments; the numbers used do not depend on sources, shares, variation or errors."""
    source = mixture.draw(random.random(count))
    haplotype = random.integers(0, 2, count)
    reverse = random.integers(0, 2, count).astype(bool)
    size = np.rint(layout.fragment_mean_bp + layout.fragment_sd_bp * random.standard_normal(count)).astype(np.int64)
    size = np.maximum(size, layout.length_bp)
    uniform = random.random((count, TRIES))
    contig, start = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for number, origin in enumerate(sources):
        rows = np.flatnonzero(source == number)
        contig[rows], start[rows] = origin.place(uniform[rows], size[rows])
    return Fragments(source, contig, start, start + size, haplotype, reverse)


def templates(fragments: Fragments, sources: Sequence[Source], length: int) -> Codes:
    """Templates of both mates, (n, 2, length): mate 1 is a forward fragment's left end, a reverse one's right end."""
    out = np.empty((len(fragments.source), 2, length), np.uint8)
    for number, origin in enumerate(sources):
        rows = np.flatnonzero(fragments.source == number)
        parts = fragments.contig[rows], fragments.start[rows], fragments.end[rows], fragments.haplotype[rows]
        out[rows] = origin.templates(*parts, length)
    out[fragments.reverse] = out[fragments.reverse, ::-1]
    return out
