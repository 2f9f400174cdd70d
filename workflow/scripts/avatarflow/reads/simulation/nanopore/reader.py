"""One nanopore read: a stretch of a haplotype with substitutions, insertions and deletions; adapters; junk.

A base of the genome has the random numbers of its place on the reference (an inserted one those of its place in the
insertion), so errors stay where they are also behind indels of the donor. What the machine does at a base depends on
the homopolymer that it lies in, so an error may come or go where a variant changes a homopolymer.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Codes, Integers
from avatarflow.reads.compiled import TO_UNIT, compiled, last_at_most, mix, word_at
from avatarflow.reads.donors.haplotype import CODE, GAP_BEFORE, INSERTED
from avatarflow.reads.genomes.genome import N
from avatarflow.reads.simulation.library import Library, to_reference
from avatarflow.reads.simulation.sequencer import (
    COMPLEMENT,
    EXTRA,
    FIVE,
    LOST,
    LOW_14,
    LOW_16,
    N_QUALITY,
    NO_VARIANT,
    S14,
    S16,
    S32,
    SAME,
    SKIPPED,
    THREE,
    WRONG,
    Scratch,
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


class Row(NamedTuple):
    """The bases of a read and the runs of one of its parts: views of the scratch, quicker to hand over than it."""

    bases: Codes
    qualities: Codes
    kinds: Codes
    lengths: Integers
    idents: Integers


class Law(NamedTuple):
    """A part of `LongTables`: of one class of read."""

    wrong: Thresholds
    extra: Thresholds
    skipped: Thresholds
    quality: Codes
    extra_go_on: float


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
def fate_of(chance: np.uint32, wrong: np.uint32, extra: np.uint32, skipped: np.uint32) -> int:
    """What happens at a base: each kind of error has a range that grows from a fixed end."""
    # one question for the usual case: a branch at every second base, as "is it in the upper half", costs more than all
    if not (
        (chance < wrong) | (np.uint32(chance - HALF) < extra) | (np.uint32(TOP - chance) < skipped)
    ):
        return SAME
    return WRONG if chance < wrong else EXTRA if np.uint32(chance - HALF) < extra else SKIPPED


@compiled
def changed(base: np.uint8, word: np.uint64) -> np.uint8:
    """One of the three other bases."""
    return np.uint8(
        (base + np.uint8(1) + np.uint8((((word >> S16) & LOW_14) * THREE) >> S14)) & np.uint8(3)
    )


@compiled
def add_run(row: Row, runs: int, kind: int, length: int) -> int:
    """As `push`, for causes that name no variant."""
    if length == 0:
        return runs
    if runs and row.kinds[runs - 1] == kind:
        row.lengths[runs - 1] += length
        return runs
    row.kinds[runs], row.lengths[runs], row.idents[runs] = kind, length, NO_VARIANT
    return runs + 1


@compiled
def put_base(
    row: Row, at: int, runs: int, base: np.uint8, fate: int, word: np.uint64, homopolymer: int, quality: np.uint8,
    go_on: float, room: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Write a base as its fate wants it, and what is inserted behind it; bases, runs and room for insertions then."""
    row.qualities[at] = N_QUALITY if base == N else quality
    row.bases[at] = changed(base, word) if fate == WRONG and base < N else base
    at += 1
    if fate != EXTRA or base == N:
        return at, runs, room
    size = min(indel_length(word, go_on), room)
    more = mix(word + ONE)
    for _ in range(size):  # into a homopolymer its own base, else any
        row.bases[at] = base if homopolymer >= COPIED_FROM else np.uint8(more & LOW_2)
        row.qualities[at] = quality
        more = mix(more)
        at += 1
    return at, add_run(row, runs, EXTRA, size), room - size


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
    strand: Strand, low: int, high: int, forward: bool, contig_start: int, genome_key: np.uint64,
    inserted_key: np.uint64, tables: LongTables, kind: int, scratch: Scratch, part: int, at: int, runs: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Read the marks [low, high), up or down (complemented), behind the `at` bases that the read has already.

    Returns
    -------
    at : int
        Bases of the read now; at most twice as many as there were marks have been added.
    runs : int
        Runs in row `part` of the scratch, in reading direction.
    leftmost : int
        Smallest place on the marks whose base was read; -1 if none was.
    """
    library, marks = strand.library, strand.library.marks
    position, step = (low, 1) if forward else (high - 1, -1)
    first, previous, border = (
        position,
        np.uint8(0),
        border_at(library, position, contig_start, forward),
    )
    law = Law(
        tables.wrong[kind],
        tables.extra[kind],
        tables.skipped[kind],
        tables.quality[kind],
        tables.extra_go_on,
    )
    bases, qualities = scratch.bases[0], scratch.qualities[0]
    row = Row(bases, qualities, scratch.kinds[part], scratch.lengths[part], scratch.idents[part])
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
            word = word_at(inserted_key, (border << 20) + within)
            within += 1
        else:
            word = word_at(genome_key, border if forward else border - 1)
            border, within = border + step, 0
        wobble = np.int64(((word & LOW_16) * FIVE) >> S16)
        run: Any = np.int64(strand.run_lengths[position]) - 1
        fate = fate_of(
            np.uint32(word >> S32),
            law.wrong[run, wobble],
            law.extra[run, wobble],
            law.skipped[run, wobble],
        )
        simple = mark < N and not gap
        if simple and fate == SAME and left_out == 0:  # mostly
            bases[at], qualities[at] = mark if forward else 3 - mark, law.quality[wobble]
            at, plain = at + 1, plain + 1
        else:
            runs, plain = add_run(row, runs, SAME, plain), 0
            if fate == SKIPPED:  # also within a deletion, so that a further one hides none
                left_out = max(left_out, indel_length(word, tables.skipped_go_on))
            base = np.uint8(mark & CODE)
            read_as = SKIPPED if left_out else WRONG if fate == WRONG and base < N else SAME
            if simple and (begun or not left_out):
                runs = add_run(row, runs, read_as, 1)
            elif begun or not left_out:
                runs = step_runs(library, position, begun, forward, scratch, part, runs, read_as)
            if left_out:
                left_out, position = left_out - 1, position + step
                continue
            base, quality = base if forward else COMPLEMENT[base], law.quality[wobble]
            at, runs, room = put_base(
                row, at, runs, base, fate, word, run + 1, quality, law.extra_go_on, room
            )
        if not begun or not forward:
            leftmost, begun = position, True
        position += step
    return at, trimmed(row, add_run(row, runs, SAME, plain)), leftmost


@compiled
def read_adapter(
    sequence: Codes,
    first: int,
    last: int,
    key: np.uint64,
    tables: LongTables,
    kind: int,
    scratch: Scratch,
    at: int,
) -> int:
    """Read some bases of an adapter, with substitutions and deletions like any others; bases of the read then."""
    for i in range(first, last):
        word = word_at(key, i)
        wobble = np.int64(((word & LOW_16) * FIVE) >> S16)
        chance = np.uint32(word >> S32)
        fate = fate_of(
            chance,
            tables.wrong[kind, 0, wobble],
            tables.extra[kind, 0, wobble],
            tables.skipped[kind, 0, wobble],
        )
        if fate == SKIPPED:
            continue
        scratch.bases[0, at] = (
            changed(sequence[i], word) if fate == WRONG and sequence[i] < N else sequence[i]
        )
        scratch.qualities[0, at] = tables.quality[kind, wobble]
        at += 1
    return at


@compiled
def read_junk(
    own: np.uint64, size: int, tables: LongTables, kind: int, scratch: Scratch, at: int
) -> int:
    """Bases of no genome: random ones, or in every second junk read a short motif again and again."""
    head = word_at(own, -2)
    motif = 1 + int(((head & LOW_10) * np.uint64(MOTIF)) >> S10)
    repeated = (head >> S10) & ONE == ONE
    for i in range(size):
        word = word_at(own, i)
        wobble = np.int64(((word & LOW_16) * FIVE) >> S16)
        source = word_at(own, i % motif) if repeated else word
        scratch.bases[0, at] = np.uint8((source >> S16) & LOW_2)
        scratch.qualities[0, at] = tables.quality[kind, wobble]
        at += 1
    return at
