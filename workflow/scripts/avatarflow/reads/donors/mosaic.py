"""Whose alleles a donor takes from a panel: one person's, or a mosaic of everybody's haplotypes.

References
----------
Li and Stephens 2003, Genetics 165:2213: a new haplotype is copied from those there are, in stretches.
"""

import zlib
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Protocol

from avatarflow.core.errors import refuse
from avatarflow.core.seeds import generator

SWITCHES_PER_BP = 4 * 10_000 * 1e-8
"""ASSUME: 10,000 people in effect and 1 cM per Mb; divided by the number of haplotypes, as in the model."""

Calls = tuple[tuple[int, int], tuple[int, int]]
"""For each of a donor's two haplotypes: a person of the panel by number, and which of their two alleles."""


class Source(Protocol):
    """Tells whose alleles to take."""

    def settle(self, people: Sequence[str], where: str) -> None:
        """Learn who is in the panel."""

    def at(self, contig: str, position: int) -> Calls:
        """Whose alleles to take at a place of the VCF."""


class Person:
    """One person of the panel, as they are."""

    def __init__(self, sample: str) -> None:
        self.sample, self.number = sample, -1

    def settle(self, people: Sequence[str], where: str) -> None:
        """Find the person; refused, without the name, when they are not there."""
        if self.sample not in people:
            raise refuse(where, "the asked sample is not in this panel", "name one of its columns")
        self.number = people.index(self.sample)

    def at(self, contig: str, position: int) -> Calls:
        """The person's own two alleles."""
        return (self.number, 0), (self.number, 1)


class Mosaic:
    """Somebody new: each haplotype is copied from one haplotype of the panel after the other.

    The path belongs to donor, contig and haplotype, and to the VCF's positions: a region cut out of the reference gets
    the same person.
    """

    def __init__(self, seed: int, donor: str) -> None:
        self.seed, self.donor, self.people = seed, zlib.crc32(donor.encode()), 0
        self._paths: dict[tuple[str, int], tuple[list[int], list[int], Any]] = {}

    def settle(self, people: Sequence[str], where: str) -> None:
        """Learn how many people there are; one alone makes no mosaic."""
        if len(people) < 2:
            raise refuse(
                where,
                f"{len(people)} people where a mosaic needs two",
                "give a panel of many people",
            )
        self.people = len(people)

    def at(self, contig: str, position: int) -> Calls:
        """Whose alleles both haplotypes copy here."""
        first, second = (self._path(contig, copy, position) for copy in (0, 1))
        return first, second

    def copied(self, contig: str, first: int, end: int) -> set[int]:
        """People who are copied from somewhere in [first, end)."""
        found = set()
        for copy in (0, 1):
            self._path(contig, copy, end)
            ends, haplotypes, _ = self._paths[contig, copy]
            low, high = bisect_right(ends, first), bisect_right(ends, end - 1)
            found |= {haplotype // 2 for haplotype in haplotypes[low : high + 1]}
        return found

    def _path(self, contig: str, copy: int, position: int) -> tuple[int, int]:
        key = contig, copy
        if key not in self._paths:
            random = generator(self.seed, "mosaic", self.donor, zlib.crc32(contig.encode()), copy)
            self._paths[key] = [], [], random
        ends, haplotypes, random = self._paths[key]
        while not ends or ends[-1] <= position:
            stretch = 1 + int(random.exponential(2 * self.people / SWITCHES_PER_BP))
            ends.append((ends[-1] if ends else 0) + stretch)
            haplotypes.append(int(random.integers(2 * self.people)))
        haplotype = haplotypes[bisect_right(ends, position)]
        return haplotype // 2, haplotype % 2


def source_of(sample: str | None, seed: int, donor: str) -> Source:
    """Return the person of a panel whose column is `sample`, or a mosaic where it is None."""
    return Person(sample) if sample is not None else Mosaic(seed, donor)
