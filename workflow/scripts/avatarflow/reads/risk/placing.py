"""Bases at the panel's sites: from a simulated read's true place, or from an alignment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pysam

from ..genome import CODE_OF, Codes, Integers
from .observations import Observations
from .panel import Panel

LEAST_ERROR, MOST_ERROR = 1e-3, 0.75
COMPLEMENT: Codes = np.array([3, 2, 1, 0, 4], np.uint8)
SKIPPED = 0x904  # unmapped, secondary, supplementary

Floats = npt.NDArray[np.float64]


def true_observations(
    truth: pd.DataFrame, reads: tuple[str, str], variants: pd.DataFrame, panel: Panel
) -> Observations:
    """What the reads of simulated pairs show at the sites; `fragment` is the row of the truth.

    A read runs along its haplotype from its true place, whatever an aligner would make of it: the most that an
    attacker can place. ASSUME: the machine makes no insertions or deletions.

    Parameters
    ----------
    truth : DataFrame
        Human fragments: `fragment`, `contig`, `haplotype` (1, 2), `start`, `end`, `strand`.
    reads : (path, path)
        FASTQ of both mates.
    variants : DataFrame
        The donor's: `contig`, `position`, `ref`, `alt`, `allele1`, `allele2`.
    panel : Panel
    """
    texts = _wanted(reads, {name: row for row, name in enumerate(truth["fragment"])})
    parts: list[tuple[Integers, Integers, Codes, Floats]] = []
    truth = truth.reset_index(drop=True)
    for contig, number in sorted(set(zip(truth["contig"], truth["haplotype"], strict=True))):
        group = truth[(truth["contig"] == contig) & (truth["haplotype"] == number)]
        own = np.flatnonzero(panel.contig == (panel.contigs.index(contig) if contig in panel.contigs else -1))
        carried = variants[(variants["contig"] == contig) & (variants[f"allele{number}"] > 0)]
        lift = _Lift(carried, f"allele{number}")
        own = own[~lift.deleted(panel.position[own])]
        sites = lift(panel.position[own])
        ends = zip(lift(group["start"].to_numpy(np.int64)), lift(group["end"].to_numpy(np.int64)), strict=True)
        for row, strand, (left, right) in zip(group.index.to_numpy(), group["strand"], ends, strict=True):
            for mate in (0, 1):
                text = texts.get((row, mate))
                if text is not None:
                    parts.append(_seen(text, (strand == "+") == (mate == 0), left, right, own, sites, row))
    return joined(parts)


def _seen(
    text: tuple[Codes, Floats], forward: bool, left: int, right: int, own: Integers, sites: Integers, fragment: int
) -> tuple[Integers, Integers, Codes, Floats]:
    """Fragment, site, base and error of one read; `own` are the sites' numbers, `sites` their places."""
    codes, error = text
    first = left if forward else right - len(codes)
    low, high = np.searchsorted(sites, [first, first + len(codes)])
    at = sites[low:high] - first
    at = at if forward else len(codes) - 1 - at
    base = codes[at] if forward else COMPLEMENT[codes[at]]
    return np.full(high - low, fragment, np.int64), own[low:high], base, error[at]


class _Lift:
    """Reference positions on one haplotype."""

    def __init__(self, carried: pd.DataFrame, allele: str) -> None:
        self.start = carried["position"].to_numpy(np.int64)
        removed = np.array([len(ref) for ref in carried["ref"]], np.int64)
        alts = zip(carried["alt"], carried[allele], strict=True)
        added = np.array([len(alt.split(",")[which - 1]) for alt, which in alts], np.int64)
        self.end = self.start + removed
        self.shift = np.concatenate([[0], np.cumsum(added - removed)]).astype(np.int64)
        self.kept = self.start + np.minimum(removed, added)

    def __call__(self, position: Integers) -> Integers:
        return np.asarray(position + self.shift[np.searchsorted(self.end, position, side="right")])

    def deleted(self, position: Integers) -> npt.NDArray[np.bool_]:
        """Whether a variant of the haplotype has taken the position away."""
        if not len(self.start):
            return np.zeros(len(position), bool)
        last = np.searchsorted(self.start, position, side="right") - 1
        inside = (last >= 0) & (position >= self.kept[last]) & (position < self.end[last])
        return np.asarray(inside)


def _wanted(reads: tuple[str, str], rows: Mapping[str, int]) -> dict[tuple[int, int], tuple[Codes, Floats]]:
    """(row, mate) to base codes and errors, of the named fragments."""
    found = {}
    for mate, path in enumerate(reads):
        with pysam.FastxFile(path, persist=False) as file:
            for record in file:
                row = rows.get(record.name)
                if row is not None:
                    found[row, mate] = (_codes(record.sequence), errors_of(record.get_quality_array()))
    return found


def _codes(sequence: str) -> Codes:
    return np.asarray(CODE_OF[np.frombuffer(sequence.encode(), np.uint8)])


def errors_of(qualities: Any) -> Floats:
    """Chances of error from Phred scores, kept within limits: no base is surer than 1 in 1,000."""
    return np.asarray(np.clip(10 ** (-np.asarray(qualities, np.float64) / 10), LEAST_ERROR, MOST_ERROR))


def joined(parts: list[tuple[Integers, Integers, Codes, Floats]]) -> Observations:
    """Many reads' rows as one."""
    none = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0))
    rows = [none, *parts]
    return Observations.of(
        np.concatenate([row[0] for row in rows]), np.concatenate([row[1] for row in rows]),
        np.concatenate([row[2] for row in rows]), np.concatenate([row[3] for row in rows]),
    )  # fmt: skip


def aligned_observations(sam: str | Path, panel: Panel, least_mapq: int) -> tuple[Observations, set[int]]:
    """What aligned reads show at the sites, and the fragments (names are whole numbers) that were placed.

    Parameters
    ----------
    sam : path
        Alignments of reads named by numbers.
    panel : Panel
    least_mapq : int
        Reads below show nothing here; they stay human all the same.
    """
    parts, placed = [], set()
    with pysam.AlignmentFile(str(sam), "r", check_sq=False) as file:
        for read in file:
            if read.flag & SKIPPED or read.mapping_quality < least_mapq or read.query_sequence is None:
                continue
            number = panel.contigs.index(read.reference_name) if read.reference_name in panel.contigs else -1
            pairs = np.array(read.get_aligned_pairs(matches_only=True), np.int64).reshape(-1, 2)
            own = np.flatnonzero(panel.contig == number)
            where = np.searchsorted(pairs[:, 1], panel.position[own])
            hit = where < len(pairs)
            hit[hit] = pairs[where[hit], 1] == panel.position[own][hit]
            at = pairs[where[hit], 0]
            codes, qualities = _codes(read.query_sequence), read.query_qualities
            error = errors_of([20] * len(codes) if qualities is None else qualities)
            fragment = int(read.query_name)
            placed.add(fragment)
            parts.append((np.full(len(at), fragment, np.int64), own[hit], codes[at], error[at]))
    return joined(parts), placed
