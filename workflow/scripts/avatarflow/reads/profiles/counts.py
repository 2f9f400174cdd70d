"""Counts of errors over many alignments, and the error profiles that they make."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from avatarflow.core.arrays import Codes, Floats, Integers, Mask
from avatarflow.reads.genomes.genome import N
from avatarflow.reads.simulation.nanopore.errors import LONGEST_RUN, run_lengths

from .alignment_columns import (
    INSERTED,
    LOST,
    NO_QUALITY,
    SUBSTITUTED,
    UNKNOWN,
    Columns,
    event_starts,
)

MOST_CYCLES, QUALITIES, LONGEST = 1024, 64, 64
LEAST_DEPTH, SAME_BASE, MOST_LOST = 8, 0.25, 0.7  # see `variant_places`
LEAST_EVENTS = 50  # of a homopolymer length


@dataclass
class Tally:
    """Counts over reads. Cycles run in reading direction; homopolymers by their length on the reference."""

    # (mate, cycle) of compared
    bases: Integers = field(default_factory=lambda: np.zeros((2, MOST_CYCLES), np.int64))
    wrong: Integers = field(default_factory=lambda: np.zeros((2, MOST_CYCLES), np.int64))
    quality: Integers = field(
        default_factory=lambda: np.zeros((2, MOST_CYCLES, QUALITIES), np.int64)
    )
    # compared, with error
    by_quality: Integers = field(default_factory=lambda: np.zeros((2, QUALITIES), np.int64))
    # as by_quality: base before, base
    context: Integers = field(default_factory=lambda: np.zeros((2, 4, 4), np.int64))
    # of insertions, deletions
    lengths: Integers = field(default_factory=lambda: np.zeros((2, LONGEST + 1), np.int64))
    # by homopolymer
    begun: Integers = field(default_factory=lambda: np.zeros((2, LONGEST_RUN + 1), np.int64))
    passed: Integers = field(default_factory=lambda: np.zeros(LONGEST_RUN + 1, np.int64))
    columns: list[tuple[int, int, int, int]] = field(default_factory=list)  # per read: all, x, i, d
    read_bp: list[int] = field(default_factory=list)


def variant_places(reads: Sequence[Columns]) -> dict[str, Integers]:
    """Places at which the person, and not the machine, differs from the reference: by contig, sorted.

    Where at least LEAST_DEPTH reads lie: one base in place of the reference's in more than SAME_BASE of them and at
    least three, or bases lost in more than MOST_LOST. Heterozygous deletions, all insertions, and variants of places
    with fewer reads stay, and count as errors.
    """
    found = {}
    for name in sorted({read.contig for read in reads}):
        parts = [(read, read.kind != INSERTED) for read in reads if read.contig == name]
        at = np.concatenate([read.start + read.at[keep] for read, keep in parts])
        kind, base = (
            np.concatenate([getattr(read, what)[keep] for read, keep in parts])
            for what in ("kind", "base")
        )
        places, which = np.unique(at, return_inverse=True)
        depth, lost = np.bincount(which), np.bincount(which, kind == LOST)
        others = np.zeros(len(places))
        for letter in range(N):
            others = np.maximum(
                others, np.bincount(which, (kind == SUBSTITUTED) & (base == letter))
            )
        varies = (others > SAME_BASE * depth) & (others >= 3) | (lost > MOST_LOST * depth)
        found[name] = places[(depth >= LEAST_DEPTH) & varies]
    return found


def tally(reads: Iterable[Columns], variants: Mapping[str, Integers] | None = None) -> Tally:
    """Count the errors of reads; columns at known variants are left out."""
    out = Tally()
    for read in reads:
        known = (variants or {}).get(read.contig, np.zeros(0, np.int64))
        ours = ~np.isin(read.start + read.at, known) & (read.kind != UNKNOWN)
        _count_bases(out, read, ours)
        _count_indels(out, read, ours)
        wrong, more, fewer = (
            int((read.kind[ours] == which).sum()) for which in (SUBSTITUTED, INSERTED, LOST)
        )
        out.columns.append((int(ours.sum()), wrong, more, fewer))
        # without clips: adapters are no part of the molecule
        out.read_bp.append(int((read.kind != LOST).sum()))
    return out


def _count_bases(out: Tally, read: Columns, ours: Mask) -> None:
    """Compared bases by cycle, quality and the base that the machine read before."""
    compared = ours & (read.kind <= SUBSTITUTED)
    wrong, cycle, quality = (
        read.kind[compared] == SUBSTITUTED,
        read.read[compared],
        read.quality[compared],
    )
    known, near = quality < NO_QUALITY, cycle < MOST_CYCLES
    bins = np.minimum(quality, QUALITIES - 1)
    np.add.at(out.by_quality[0], bins[known], 1)
    np.add.at(out.by_quality[1], bins[known & wrong], 1)
    mate = read.mate - 1
    np.add.at(out.bases[mate], cycle[near], 1)
    np.add.at(out.wrong[mate], cycle[near & wrong], 1)
    np.add.at(out.quality[mate], (cycle[near & known], bins[near & known]), 1)
    at, size = read.at[compared], len(read.reference)
    before = at + 1 if read.reverse else at - 1
    inside = (before >= 0) & (before < size)
    pair = (
        read.reference[before[inside]].astype(np.int64),
        read.reference[at[inside]].astype(np.int64),
    )
    pair = (3 - pair[0], 3 - pair[1]) if read.reverse else pair
    real = (pair[0] >= 0) & (pair[0] < N)
    np.add.at(out.context[0], (pair[0][real], pair[1][real]), 1)
    seen = real & wrong[inside]
    np.add.at(out.context[1], (pair[0][seen], pair[1][seen]), 1)


def _count_indels(out: Tally, read: Columns, ours: Mask) -> None:
    size = len(read.reference)
    runs = run_lengths(read.reference, np.array([0, size]))
    placed = ours & (read.kind != INSERTED)
    np.add.at(out.passed, runs[read.at[placed]], 1)
    for row, which in enumerate((INSERTED, LOST)):
        starts = event_starts(read.kind, which, read.reverse)
        starts = starts[ours[starts]]
        here = read.kind == which
        edges = np.diff(np.concatenate([[0], here.view(np.int8), [0]]))
        begin, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        np.add.at(out.lengths[row], np.minimum((end - begin)[ours[begin]], LONGEST), 1)
        at = np.minimum(read.at[starts], size - 1)
        if which == INSERTED:
            at = _host_of(read, at, read.base[starts])
        np.add.at(out.begun[row], runs[at], 1)


def _host_of(read: Columns, behind: Integers, base: Codes) -> Integers:
    """The base that an insertion belongs to: an equal neighbour, since it could stand anywhere in its homopolymer.

    Where there is none, the base that was read before it.
    """
    before = np.maximum(behind - 1, 0)
    usual = behind if read.reverse else before
    equal_behind, equal_before = read.reference[behind] == base, read.reference[before] == base
    return np.asarray(np.where(equal_behind, behind, np.where(equal_before, before, usual)))


def rates(found: Tally) -> dict[str, float]:
    """What a whole tally says: shares of columns and their kinds, mean lengths of indels, spread between reads."""
    columns = np.array(found.columns, float).reshape(-1, 4)
    total, wrong = columns[:, 0].sum(), columns[:, 1:].sum()
    sizes = np.arange(LONGEST + 1)
    means = [float((row @ sizes) / max(row.sum(), 1)) for row in found.lengths]
    compared = found.context[0].sum()
    return {
        "reads": float(len(columns)),
        "columns": float(total),
        "error": float(wrong / max(total, 1)),
        **{
            name: float(columns[:, at].sum() / max(wrong, 1))
            for at, name in ((1, "substitutions"), (2, "insertions"), (3, "deletions"))
        },
        "substitution_rate": float(found.context[1].sum() / max(compared, 1)),
        "indel_ratio": float(found.lengths.sum() / max(columns[:, 1].sum(), 1)),
        "insertion_mean_bp": max(means[0], 1.0),
        "deletion_mean_bp": max(means[1], 1.0),
        "read_spread": read_spread(columns),
        "length_mean_bp": float(np.mean(found.read_bp)),
        "length_sd_bp": float(np.std(found.read_bp)),
    }


def read_spread(columns: Floats) -> float:
    """Coefficient of variation of the reads' own error: what their errors vary by beyond chance (moments).

    Chance is taken as Poisson in events of one column, so long indels make it look a little larger than it is.
    """
    size, bad = columns[:, 0], columns[:, 1:].sum(1)
    mean = bad.sum() / max(size.sum(), 1)
    if mean == 0 or len(size) < 2:
        return 0.0
    between = np.sum((bad - mean * size) ** 2 - bad) / np.sum(size**2)
    return float(np.sqrt(max(between, 0.0)) / mean)


def homopolymer_law(found: Tally, row: int) -> Floats:
    """How often an insertion (row 0) or deletion (1) begins per base of homopolymers of 1, 2, ... bases, relative to 1.

    It ends where fewer than `LEAST_EVENTS` events were seen.
    """
    law = []
    for size in range(1, LONGEST_RUN + 1):
        if size > 1 and found.begun[row, size] < LEAST_EVENTS:
            break
        law.append(found.begun[row, size] / max(found.passed[size], 1))
    return np.array(law) / law[0] if law[0] > 0 else np.ones(1)
