"""One person of a phased panel: their variants out of a VCF, checked against the reference line by line."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from ..errors import refuse
from .genome import LETTERS, Genome, lines, opened
from .variation import COLUMNS, Spans

FIXED = 9
BASES = re.compile(r"[ACGTN]+(,[ACGTN]+)*\Z")
CUT = re.compile(r"(?P<contig>.+)_(?P<first>\d+)_(?P<last>\d+)\Z")


def panel_variants(path: str | Path, sample: str, genome: Genome) -> tuple[pd.DataFrame, Spans]:
    """Variants that one sample of a phased panel carries, and the span of the reference that the panel speaks for.

    Parameters
    ----------
    path : path
        VCF (plain or gzip), sorted, phased (`|`) for this sample.
    sample : str
        A column of the VCF.
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
    known = places(genome)
    rows: list[tuple[object, ...]] = []
    spans: dict[str, tuple[int, int]] = {}
    free: dict[str, int] = {}  # contig to the first position after the last kept variant
    for number, fields in _records(path, sample):
        place = known.get(fields[0])
        where = f"{path} line {number}"
        if not fields[1].isdigit():
            raise refuse(where, "a position that is no number", "repair the VCF")
        if place is None:
            continue
        name, offset, contig = place
        at, ref, alt = int(fields[1]) - 1 - offset, fields[3].upper(), fields[4].upper()
        end = at + len(ref)
        if at < 0 or end >= len(genome.contig(contig)) or not BASES.match(ref) or not BASES.match(alt):
            continue  # outside the region, or symbolic: nothing a read could show here
        if LETTERS[genome.contig(contig)[at:end]].tobytes().decode() != ref:
            raise refuse(where, "REF differs from the reference genome", "give a panel made on this reference")
        spans[name] = (min(at, spans.get(name, (at, 0))[0]), max(end, spans.get(name, (0, end))[1]))
        alleles = _alleles(fields[-1], where, alt.count(",") + 1)
        if any(alleles) and at >= free.get(name, 0):
            rows.append((name, at, ref, alt, *alleles, "panel"))
            free[name] = end
    return pd.DataFrame(rows, columns=COLUMNS), spans


def places(genome: Genome) -> dict[str, tuple[str, int, int]]:
    """Contig of a VCF to (contig here, bases cut off before it, its number)."""
    found = {}
    for number, name in enumerate(genome.names):
        found[name] = (name, 0, number)
        match = CUT.match(name)
        if match and int(match["last"]) - int(match["first"]) + 1 == len(genome.contig(number)):
            found[match["contig"]] = (name, int(match["first"]) - 1, number)
    return found


def _records(path: str | Path, sample: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Line number and the first nine fields plus the sample's genotype text, for every record."""
    column = None
    with opened(path) as file:
        for number, line in lines(file, path):
            if line.startswith(b"##") or not line:
                continue
            fields = line.decode("utf-8", "replace").split("\t")
            if line.startswith(b"#CHROM"):
                if sample not in fields[FIXED:]:
                    found = "the asked sample is not in this panel"
                    raise refuse(f"{path} line {number}", found, "name one of its columns")
                column, width = fields.index(sample, FIXED), len(fields)
            elif column is None:
                raise refuse(f"{path} line {number}", "a record before the #CHROM line", "give a complete VCF")
            elif len(fields) != width:
                found = f"{len(fields)} columns where the header has {width} (truncated file?)"
                raise refuse(f"{path} line {number}", found, "fetch the file again")
            else:
                yield number, [*fields[:FIXED], fields[column]]
    if column is None:
        raise refuse(str(path), "no #CHROM line", "give a VCF with genotypes")


def _alleles(genotype: str, where: str, alternatives: int) -> tuple[int, int]:
    """Both alleles of a phased genotype; a missing one counts as the reference, a haploid one as both."""
    call = genotype.split(":", 1)[0]
    parts = call.split("|") if "|" in call else [call, call] if "/" not in call else call.split("/")
    if not all(part == "." or part.isdigit() for part in parts) or len(parts) != 2:
        raise refuse(where, "a genotype that is not diploid", "give a phased, diploid panel")
    first, second = (0 if part == "." else int(part) for part in parts)
    if max(first, second) > alternatives:
        raise refuse(where, "a genotype that names an allele which is not there", "repair the VCF")
    if "/" in call and first != second:
        raise refuse(where, "an unphased genotype", "give a phased panel")
    return first, second
