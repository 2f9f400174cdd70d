"""One person out of a phased panel: their variants from a VCF, checked against the reference line by line."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from avatarflow.core.errors import refuse
from avatarflow.core.file_problems import Complaints
from avatarflow.reads.genomes.genome import LETTERS, Genome, lines, opened

from .mosaic import Source
from .variation import COLUMNS, Spans

FIXED = 9
BASES = re.compile(r"[ACGTN]+(,[ACGTN]+)*\Z")
CUT = re.compile(r"(?P<contig>.+)_(?P<first>\d+)_(?P<last>\d+)\Z")


def panel_variants(path: str | Path, source: Source, genome: Genome) -> tuple[pd.DataFrame, Spans]:
    """Variants that a person takes from a phased panel, and the span of the reference that the panel speaks for.

    Parameters
    ----------
    path : path
        VCF (plain or gzip), sorted, phased (`|`) where alleles are taken.
    source : Source
        Whose alleles are taken.
    genome : Genome
        The reference; a contig named `contig_first_last` (a region cut out) takes these positions of `contig`.

    Returns
    -------
    variants : DataFrame
        As `variation.draw_variants`, with `part` = `panel`; `alt` may list several alleles; of overlapping variants
        the first stays.
    spans : dict
        Contig to (first, last + 1), 0-based: from the panel's first to its last site in the reference.

    Raises
    ------
    AvatarflowError
        Truncated file, no such sample, a short line, REF that differs from the reference, an unphased genotype; with
        file and line.
    """
    known, origin = places(genome), origins(genome)
    complaints = Complaints()
    rows: list[tuple[object, ...]] = []
    spans: dict[str, tuple[int, int]] = {}
    free: dict[str, int] = {}  # contig to the first position after the last kept variant
    for number, fields in _records(path, source):
        place = known.get(fields[0])
        if not fields[1].isdigit():
            complaints.line(str(path), number, "a position that is no number", "repair the VCF")
            continue
        if place is None:
            continue
        name, offset, contig = place
        at, ref, alt = int(fields[1]) - 1 - offset, fields[3].upper(), fields[4].upper()
        end = at + len(ref)
        if (
            at < 0
            or end >= len(genome.contig(contig))
            or not BASES.match(ref)
            or not BASES.match(alt)
        ):
            continue  # outside the region, or symbolic: nothing a read could show here
        if LETTERS[genome.contig(contig)[at:end]].tobytes().decode() != ref:
            found = "REF differs from the reference genome"
            complaints.line(str(path), number, found, "give a panel made on this reference")
            continue
        spans[name] = (min(at, spans.get(name, (at, 0))[0]), max(end, spans.get(name, (0, end))[1]))
        takes = source.at(origin[contig][0], at + origin[contig][1])
        try:
            alleles = [
                _alleles(fields[FIXED + one], alt.count(",") + 1)[side] for one, side in takes
            ]
        except ValueError as error:
            complaints.line(str(path), number, *error.args)
            continue
        if any(alleles) and at >= free.get(name, 0):
            rows.append((name, at, ref, alt, *alleles, "panel"))
            free[name] = end
    complaints.raise_if_any()
    if not spans:
        raise refuse(
            str(path), "no site on the reference", "give a panel made on it, with its contig names"
        )
    return pd.DataFrame(rows, columns=COLUMNS), spans


def origins(genome: Genome) -> list[tuple[str, int]]:
    """For each contig, what it was cut from and how many bases before it; itself and 0 for a whole one."""
    found = []
    for number, name in enumerate(genome.names):
        match = CUT.match(name)
        region = match and int(match["last"]) - int(match["first"]) + 1 == len(
            genome.contig(number)
        )
        found.append((match["contig"], int(match["first"]) - 1) if match and region else (name, 0))
    return found


def places(genome: Genome) -> dict[str, tuple[str, int, int]]:
    """Contig of a VCF to (contig here, bases cut off before it, its number)."""
    found = {}
    for number, (name, (whole, before)) in enumerate(
        zip(genome.names, origins(genome), strict=True)
    ):
        found[name] = (name, 0, number)
        found[whole] = (name, before, number)
    return found


def _records(path: str | Path, source: Source) -> Iterator[tuple[int, Sequence[str]]]:
    """Line number and fields of every record; `source` learns who is there."""
    width = 0
    with opened(path) as file:
        for number, line in lines(file, path):
            if line.startswith(b"##") or not line:
                continue
            fields = line.decode("utf-8", "replace").split("\t")
            if line.startswith(b"#CHROM"):
                source.settle(fields[FIXED:], f"{path} line {number}")
                width = len(fields)
            elif not width:
                raise refuse(
                    f"{path} line {number}",
                    "a record before the #CHROM line",
                    "give a complete VCF",
                )
            elif len(fields) != width:
                found = f"{len(fields)} columns where the header has {width} (truncated file?)"
                raise refuse(f"{path} line {number}", found, "fetch the file again")
            else:
                yield number, fields
    if not width:
        raise refuse(str(path), "no #CHROM line", "give a VCF with genotypes")


def _alleles(genotype: str, alternatives: int) -> tuple[int, int]:
    """Both alleles of a phased genotype; a missing one counts as the reference, a haploid one as both.

    Raises
    ------
    ValueError
        With what was found and what to do.
    """
    call = genotype.split(":", 1)[0]
    parts = call.split("|") if "|" in call else [call, call] if "/" not in call else call.split("/")
    if not all(part == "." or part.isdigit() for part in parts) or len(parts) != 2:
        raise ValueError("a genotype that is not diploid", "give a phased, diploid panel")
    first, second = (0 if part == "." else int(part) for part in parts)
    if max(first, second) > alternatives:
        raise ValueError("a genotype that names an allele which is not there", "repair the VCF")
    if "/" in call and first != second:
        raise ValueError("an unphased genotype", "give a phased panel")
    return first, second
