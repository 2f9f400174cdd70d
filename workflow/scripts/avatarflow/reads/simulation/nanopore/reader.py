"""One nanopore read: a stretch of a haplotype with substitutions, insertions and deletions; adapters; junk.

A base of the genome has the random numbers of its place on the reference (an inserted one those of its place in the
insertion), so errors stay where they are also behind indels of the donor. What the machine does at a base depends on
the homopolymer that it lies in, so an error may come or go where a variant changes a homopolymer.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Codes
from avatarflow.reads.compiled import TO_UNIT, compiled, last_at_most, mix, word_at
from avatarflow.reads.donors.haplotype import CODE, GAP_BEFORE, INSERTED
from avatarflow.reads.genomes.genome import N
from avatarflow.reads.simulation.library import Library, to_reference
from avatarflow.reads.simulation.sequencer import (
    COMPLEMENT,
    EXTRA,
    FIVE,
    FOREIGN,
    LOST,
    LOW_16,
    N_QUALITY,
    NO_VARIANT,
    S16,
    S32,
    SAME,
    SKIPPED,
    WRONG,
    Row,
    changed,
    push,
    step_runs,
)

from .errors import LONGEST_INDEL, LongTables

HALF, TOP = np.uint32(1 << 31), np.uint32(0xFFFFFFFF)
S11, S10, ONE, LOW_2, LOW_10 = (
    np.uint64(11),
    np.uint64(10),
    np.uint64(1),
    np.uint64(3),
    np.uint64(1023),
)
COPIED_FROM = 3  # an insertion into a homopolymer of at least so many bases repeats its base
MOTIF = 12  # longest repeated unit of junk
RUNS_PER_BASE = 3  # at most, with what a base may bring: a deletion, itself, an insertion
GENOME_1, GENOME_2, INSERTED_1, INSERTED_2, START, END, READ = (np.uint64(i) for i in range(7))


Thresholds = npt.NDArray[np.uint32]


class Strand(NamedTuple):
    """A library's bases with the homopolymers that they lie in."""

    library: Library
    run_lengths: Codes


class Span(NamedTuple):
    """A stretch of a contig's marks, [low, high), and whether it is read up or down (complemented)."""

    low: int
    high: int
    forward: bool
    begin: int
    """Where the contig begins."""


class Law(NamedTuple):
    """`LongTables` of one class of read."""

    wrong: Thresholds  # (runs, BINS), as the next two
    extra: Thresholds
    skipped: Thresholds
    quality: Codes  # (BINS,)
    extra_go_on: float
    skipped_go_on: float


@compiled
def law_of(tables: LongTables, kind: int) -> Law:
    """The tables of one class of read."""
    return Law(
        tables.wrong[kind], tables.extra[kind], tables.skipped[kind], tables.quality[kind],
        tables.extra_go_on, tables.skipped_go_on,
    )  # fmt: skip


@compiled
def stream(own: np.uint64, which: np.uint64) -> np.uint64:
    """The key of one of a read's random streams."""
    return mix(own + which)


@compiled
def indel_length(word: np.uint64, go_on: float) -> int:
    """A length from the geometric law: it goes on with a chance each time."""
    if go_on <= 0.0:
        return 1
    uniform = float(mix(word) >> S11) * TO_UNIT
    return min(1 + int(np.log(1.0 - uniform) / np.log(go_on)), LONGEST_INDEL)


@compiled
def fate_of(chance: np.uint32, law: Law, run: int, wobble: np.int64) -> int:
    """What happens at a base: each kind of error has a range that grows from a fixed end."""
    wrong, extra, skipped = law.wrong[run, wobble], law.extra[run, wobble], law.skipped[run, wobble]
    # one question for the usual case: a branch at every second base, as "is it in the upper half", costs more than all
    if not (
        (chance < wrong) | (np.uint32(chance - HALF) < extra) | (np.uint32(TOP - chance) < skipped)
    ):
        return SAME
    return WRONG if chance < wrong else EXTRA if np.uint32(chance - HALF) < extra else SKIPPED


@compiled
def insert(
    row: Row, at: int, size: int, word: np.uint64, base: np.uint8 | int, quality: np.uint8
) -> int:
    """Write inserted bases, all of them `base` or, where that is N, any; bases of the read then."""
    word = mix(word + ONE)
    for _ in range(size):
        row.bases[at] = base if base < N else np.uint8(word & LOW_2)
        row.qualities[at] = quality
        word = mix(word)
        at += 1
    return at


@compiled
def trimmed(row: Row, runs: int) -> int:
    """The number of runs without deletions at the end: an alignment does not end with one."""
    while runs and (row.kinds[runs - 1] == SKIPPED or row.kinds[runs - 1] == LOST):
        runs -= 1
    return runs


@compiled
def border_at(library: Library, position: int, contig_start: int, forward: bool) -> int:
    """The reference ahead of a place on the marks: the next base upwards, or the end of the last one downwards."""
    border = to_reference(library.edits, position, contig_start)
    return border if forward or library.marks[position] & INSERTED else border + 1


@compiled
def gap_length(library: Library, position: int) -> int:
    """Bases of the reference that are missing right before a base of the marks."""
    edits, total = library.edits, 0
    k = last_at_most(edits.at, position, 0, len(edits.at))
    while k >= 0 and edits.at[k] + edits.new[k] >= position:
        if edits.at[k] + edits.new[k] == position and edits.old[k] > edits.new[k]:
            total += edits.old[k] - edits.new[k]
        k -= 1
    return total


@compiled
def read_stretch(
    strand: Strand, span: Span, keys: tuple[np.uint64, np.uint64], law: Law, row: Row, at: int
) -> tuple[int, int, int]:
    """Read a stretch behind the `at` bases that the read has already.

    Parameters
    ----------
    keys : (genome, inserted)
        Of the random numbers of the reference's bases, and of inserted ones.

    Returns
    -------
    at : int
        Bases of the read now; at most twice as many as there were marks have been added.
    runs : int
        Runs of the row, in reading direction; what was there before is foreign.
    start : int
        Smallest place on the reference whose base was read; -1 if none was.
    """
    library, marks = strand.library, strand.library.marks
    low, high, forward = span.low, span.high, span.forward
    position, step = (low, 1) if forward else (high - 1, -1)
    first, previous = position, np.uint8(0)
    border = border_at(library, position, span.begin, forward)
    runs = push(row, 0, FOREIGN, at, NO_VARIANT)
    room, within, plain, left_out = high - low, 0, 0, 0
    leftmost, begun = -1, False
    while low <= position < high:
        mark = marks[position]
        gap = (mark if forward else previous) & GAP_BEFORE != 0 and position != first
        previous = mark
        if gap:
            missing = gap_length(library, position if forward else position + 1)
            border, within = border + (missing if forward else -missing), 0
        if mark & INSERTED:
            word = word_at(keys[1], (border << 20) + within)
            within += 1
        else:
            word = word_at(keys[0], border if forward else border - 1)
            border, within = border + step, 0
        wobble = np.int64(((word & LOW_16) * FIVE) >> S16)
        run: Any = np.int64(strand.run_lengths[position]) - 1
        fate = fate_of(np.uint32(word >> S32), law, run, wobble)
        simple = mark < N and not gap
        if simple and fate == SAME and left_out == 0:  # mostly
            row.bases[at], row.qualities[at] = mark if forward else 3 - mark, law.quality[wobble]
            at, plain = at + 1, plain + 1
        else:
            runs, plain = push(row, runs, SAME, plain, NO_VARIANT), 0
            if fate == SKIPPED:  # also within a deletion, so that a further one hides none
                left_out = max(left_out, indel_length(word, law.skipped_go_on))
            base = np.uint8(mark & CODE)
            read_as = SKIPPED if left_out else WRONG if fate == WRONG and base < N else SAME
            if simple and (begun or not left_out):
                runs = push(row, runs, read_as, 1, NO_VARIANT)
            elif begun or not left_out:
                runs = step_runs(library, position, begun, forward, row, runs, read_as)
            if left_out:
                left_out, position = left_out - 1, position + step
                continue
            base, quality = base if forward else COMPLEMENT[base], law.quality[wobble]
            row.bases[at] = changed(base, word) if read_as == WRONG else base
            row.qualities[at] = quality if base < N else N_QUALITY
            at += 1
            if fate == EXTRA and base < N:
                size = min(indel_length(word, law.extra_go_on), room)
                # into a homopolymer its own base, else any
                at = insert(row, at, size, word, base if run + 1 >= COPIED_FROM else N, quality)
                runs, room = push(row, runs, EXTRA, size, NO_VARIANT), room - size
        if not begun or not forward:
            leftmost, begun = position, True
        position += step
    runs = trimmed(row, push(row, runs, SAME, plain, NO_VARIANT))
    start = to_reference(library.edits, leftmost, span.begin) if begun else -1
    return at, runs, start


@compiled
def read_adapter(
    sequence: Codes, first: int, last: int, key: np.uint64, law: Law, row: Row, at: int
) -> int:
    """Read some bases of an adapter, with substitutions and deletions like any others; bases of the read then."""
    for i in range(first, last):
        word = word_at(key, i)
        wobble = np.int64(((word & LOW_16) * FIVE) >> S16)
        fate = fate_of(np.uint32(word >> S32), law, 0, wobble)
        if fate == SKIPPED:
            continue
        row.bases[at] = (
            changed(sequence[i], word) if fate == WRONG and sequence[i] < N else sequence[i]
        )
        row.qualities[at] = law.quality[wobble]
        at += 1
    return at


@compiled
def read_junk(own: np.uint64, size: int, law: Law, row: Row, at: int) -> int:
    """Bases of no genome: random ones, or in every second junk read a short motif again and again."""
    head = word_at(own, -2)
    motif = 1 + int(((head & LOW_10) * np.uint64(MOTIF)) >> S10)
    repeated = (head >> S10) & ONE == ONE
    for i in range(size):
        word = word_at(own, i)
        wobble = np.int64(((word & LOW_16) * FIVE) >> S16)
        source = word_at(own, i % motif) if repeated else word
        row.bases[at] = np.uint8((source >> S16) & LOW_2)
        row.qualities[at] = law.quality[wobble]
        at += 1
    return at
