"""A phased panel as arrays: biallelic SNPs of everybody, checked against the reference line by line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Codes, Integers
from avatarflow.core.errors import Problems, refuse
from avatarflow.reads.donors.panel import FIXED, places
from avatarflow.reads.genomes.genome import CODE_OF, Genome, lines, opened

MOST_PROBLEMS = 20  # lines of one file that are named; the rest is counted


@dataclass(frozen=True)
class Panel:
    """SNPs of people.

    `people` and `contigs` are names; per site `contig` (number), `position` (0-based), `ref`, `alt` (base codes);
    `alleles` (sites, people, 2) uint8 with 1 for the alternative; `phased` per person.
    """

    people: tuple[str, ...]
    contigs: tuple[str, ...]
    contig: Integers
    position: Integers
    ref: Codes
    alt: Codes
    alleles: Codes
    phased: npt.NDArray[np.bool_]

    @property
    def genotypes(self) -> Codes:
        """(sites, people) number of alternative alleles, 0 to 2."""
        return np.asarray(self.alleles.sum(2, dtype=np.uint8))

    def at(self, sites: npt.NDArray[np.int64]) -> "Panel":
        """The panel at some of its sites, in the order given."""
        parts = (
            self.contig[sites],
            self.position[sites],
            self.ref[sites],
            self.alt[sites],
            self.alleles[sites],
        )
        return Panel(self.people, self.contigs, *parts, self.phased)

    def index(self, person: str, where: str) -> int:
        """A person's number; refused, without the name, when they are not there."""
        if person not in self.people:
            raise refuse(where, "the asked sample is not in this VCF", "name one of its columns")
        return self.people.index(person)

    def without(self, people: list[int]) -> "Panel":
        """The panel without some people."""
        rest = np.setdiff1d(np.arange(len(self.people)), people)
        names = tuple(self.people[person] for person in rest)
        sites = (self.contig, self.position, self.ref, self.alt)
        return Panel(names, self.contigs, *sites, self.alleles[:, rest], self.phased[rest])

    def spans(self) -> dict[int, tuple[int, int]]:
        """Contig number to its (first site, last site + 1)."""
        return {
            int(number): (int(own.min()), int(own.max()) + 1)
            for number in np.unique(self.contig)
            if len(own := self.position[self.contig == number])
        }


def read_panel(path: str | Path, genome: Genome, fewest: int = 2) -> Panel:
    """Read every biallelic SNP of a VCF that lies on the reference.

    Parameters
    ----------
    path : path
        VCF (plain or gzip). A missing allele counts as the reference's, a haploid call as both.
    genome : Genome
        A contig named `contig_first_last` (a region cut out) takes these positions of `contig`.
    fewest : int
        People that there must be at least; 1 for a donor's own VCF, 2 for a panel.

    Raises
    ------
    AvatarflowError
        Truncated file, no people or too few, a short line, REF that differs from the reference, a bad genotype (each
        with file and line), no site on the reference at all.
    """
    where = places(genome)
    problems, strange = Problems(), 0
    fixed: list[tuple[int, int, int, int]] = []
    calls: list[Codes] = []
    people: tuple[str, ...] = ()
    for number, fields in _records(path):
        if not people:
            people = tuple(fields)
            if len(people) < fewest:
                found = f"{len(people)} people where {fewest} are needed"
                raise refuse(
                    f"{path} line {number}",
                    found,
                    "give a panel of many people of the donor's population",
                )
            continue
        try:
            site = _site(fields, where, genome, f"{path} line {number}")
            if site is not None:
                calls.append(_calls(fields, len(people), f"{path} line {number}"))
                fixed.append(site)
        except ValueError as error:
            strange += 1
            if strange <= MOST_PROBLEMS:
                problems.extend([str(error)])
    if strange > MOST_PROBLEMS:
        problems.add(str(path), f"{strange - MOST_PROBLEMS} more such lines", "see the lines above")
    problems.raise_if_any()
    if not fixed:
        raise refuse(
            str(path),
            "no informative site: no SNP on the reference",
            "give a VCF made on this reference",
        )
    return _assembled(people, genome.names, np.array(fixed, np.int64), np.stack(calls))


def _assembled(
    people: Sequence[str], contigs: Sequence[str], fixed: npt.NDArray[np.int64], calls: Codes
) -> Panel:
    """Sorted; a position that is there more than once (several alternatives on several lines) is left out."""
    order = np.lexsort((fixed[:, 1], fixed[:, 0]))
    fixed, calls = fixed[order], calls[order]
    same = np.all(fixed[1:, :2] == fixed[:-1, :2], axis=1)
    alone = ~(np.concatenate([[False], same]) | np.concatenate([same, [False]]))
    fixed, calls = fixed[alone], calls[alone]
    phased = ((calls[:, :, 2] == 1) | (calls[:, :, 0] == calls[:, :, 1])).all(0)
    bases = fixed[:, 2:].astype(np.uint8)
    return Panel(
        tuple(people), tuple(contigs), fixed[:, 0], fixed[:, 1], bases[:, 0], bases[:, 1],
        np.ascontiguousarray(calls[:, :, :2]), phased,
    )  # fmt: skip


def _records(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and columns: first the people's names, then every record's fixed fields and one text of all calls."""
    width = 0
    with opened(path) as file:
        for number, line in lines(file, path):
            if line.startswith(b"##") or not line:
                continue
            if line.startswith(b"#CHROM"):
                names = line.decode("utf-8", "replace").split("\t")[FIXED:]
                width = FIXED + len(names)
                if not names:
                    raise refuse(
                        f"{path} line {number}", "a VCF without people", "give a VCF with genotypes"
                    )
                yield number, names
            elif not width:
                raise refuse(
                    f"{path} line {number}",
                    "a record before the #CHROM line",
                    "give a complete VCF",
                )
            elif (columns := line.count(b"\t") + 1) != width:
                found = f"{columns} columns where the header has {width} (truncated file?)"
                raise refuse(f"{path} line {number}", found, "fetch the file again")
            else:
                yield number, line.decode("utf-8", "replace").split("\t", FIXED)
    if not width:
        raise refuse(str(path), "no #CHROM line", "give a VCF with genotypes")


def _site(
    fields: Sequence[str], known: dict[str, tuple[str, int, int]], genome: Genome, where: str
) -> tuple[int, int, int, int] | None:
    """Contig number, position, REF and ALT codes of a SNP on the reference; None for everything else."""
    if not fields[1].isdigit():
        raise ValueError(f"{where}: a position that is no number; repair the VCF")
    place = known.get(fields[0])
    if place is None or len(fields[3]) != 1 or len(fields[4]) != 1:
        return None
    at = int(fields[1]) - 1 - place[1]
    ref, alt = int(CODE_OF[ord(fields[3]) & 255]), int(CODE_OF[ord(fields[4]) & 255])
    codes = genome.contig(place[2])
    if not 0 <= at < len(codes) or ref > 3 or alt > 3:
        return None
    if codes[at] != ref:
        raise ValueError(
            f"{where}: REF differs from the reference genome; give a VCF made on this reference"
        )
    return place[2], at, ref, alt


def _calls(fields: Sequence[str], people: int, where: str) -> Codes:
    """(people, 3): both alleles, and 1 where the call is phased."""
    text = fields[FIXED].encode()
    if len(text) == 4 * people - 1:  # the common form, 0|1 for everybody
        table = np.frombuffer(text + b"\t", np.uint8).reshape(people, 4)
        if np.isin(table[:, (0, 2)], (48, 49)).all() and np.isin(table[:, 1], (47, 124)).all():
            return np.column_stack([table[:, 0] - 48, table[:, 2] - 48, table[:, 1] == 124]).astype(
                np.uint8
            )
    rows = [_call(call.split(":", 1)[0], where) for call in fields[FIXED].split("\t")]
    return np.array(rows, np.uint8)


def _call(call: str, where: str) -> tuple[int, int, int]:
    parts = call.replace("/", "|").split("|")
    parts = parts * 2 if len(parts) == 1 else parts
    if len(parts) != 2 or not all(part in (".", "0", "1") for part in parts):
        raise ValueError(
            f"{where}: a genotype that is neither haploid nor diploid; give a VCF of diploid calls"
        )
    first, second = (int(part == "1") for part in parts)
    return first, second, int("/" not in call)
