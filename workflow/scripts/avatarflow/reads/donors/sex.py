"""Which contigs each haplotype of a donor has, by the donor's sex, and what Y tells about it."""

from dataclasses import dataclass

import numpy as np

from avatarflow.reads.genomes.genome import Genome, N

from .panel import origins

NAMED = {
    "chrM": ("M", "MT"),
    "chrX": ("X",),
    "chrY": ("Y",),
}  # class to contigs, with or without "chr"
ABSENT = {"female": (("chrY",), ("chrY", "chrM")), "male": (("chrY",), ("chrX", "chrM"))}
"""Classes that the first haplotype (from the mother) and the second one lack."""


def classes(genome: Genome) -> list[str]:
    """For each contig chrM, chrX or chrY by its usual name, else nothing."""
    known = {name: region for region, names in NAMED.items() for name in names}
    return [known.get(whole.removeprefix("chr"), "") for whole, _ in origins(genome)]


def without_absent(scaffold: Genome, genome: Genome, sex: str | None, haplotype: int) -> Genome:
    """A scaffold whose contigs that this haplotype (1, 2) lacks are unknown bases, from which no fragment is cut.

    ASSUME: X and Y share nothing (pseudoautosomal regions count for each as what the reference has there).
    """
    lacking = [
        number
        for number, one in enumerate(classes(genome))
        if sex and one in ABSENT[sex][haplotype - 1]
    ]
    if not lacking:
        return scaffold
    codes = scaffold.codes.copy()
    for number in lacking:
        codes[scaffold.starts[number] : scaffold.starts[number + 1]] = N
    return Genome(scaffold.names, codes, scaffold.starts)


def known_share(first: Genome, second: Genome) -> float:
    """Share of the first of both haplotypes' known bases."""
    one, two = (int(np.count_nonzero(genome.codes != N)) for genome in (first, second))
    return one / max(one + two, 1)


@dataclass(frozen=True)
class YContigs:
    """Where a male's fragments come from: `contigs` of Y, and their share of all he has."""

    contigs: tuple[str, ...]
    male_share: float

    @classmethod
    def of(cls, genome: Genome) -> "YContigs | None":
        """From the host; None where it has no Y, or nothing else."""
        known = {"": 0, **dict.fromkeys(NAMED, 0)}
        kinds = classes(genome)
        for kind, (_, codes) in zip(kinds, genome.contigs(), strict=True):
            known[kind] += int((codes != N).sum())
        whole = 2 * known[""] + known["chrX"] + known["chrY"] + known["chrM"]
        if not known["chrY"] or whole == known["chrY"]:
            return None
        contigs = tuple(
            name for name, kind in zip(genome.names, kinds, strict=True) if kind == "chrY"
        )
        return cls(contigs, known["chrY"] / whole)
