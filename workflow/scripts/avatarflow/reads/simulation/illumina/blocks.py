"""A block of Illumina fragments: both ends (or one) read, written as FASTQ and as truth records."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Codes, Integers
from avatarflow.reads.compiled import compiled, mix
from avatarflow.reads.simulation.fragments import Fragments
from avatarflow.reads.simulation.library import Library, lifted, to_reference
from avatarflow.reads.simulation.records import (
    FIRST,
    LAST,
    MATE_REVERSE,
    PAIRED,
    REVERSE,
    Aligned,
    put_fastq,
    put_record,
    room_for,
    span,
)
from avatarflow.reads.simulation.sequencer import (
    EXTRA,
    GAINED,
    LOST,
    SKIPPED,
    VARIANT,
    WRONG,
    WRONG_GAINED,
    Row,
    Scratch,
    Tables,
    cut,
    read_template,
    row_of,
    tables_of,
)

TWO = np.uint64(2)


class Counts(NamedTuple):
    """What the reads of each fragment show, (n,) each: errors of the machine by kind, and variants of the donor."""

    substitutions: npt.NDArray[np.int32]
    insertions: npt.NDArray[np.int32]
    deletions: npt.NDArray[np.int32]
    variants: npt.NDArray[np.int32]

    @classmethod
    def of(cls, fragments: int) -> "Counts":
        """Nothing yet."""
        return cls(*(np.zeros(fragments, np.int32) for _ in cls._fields))


class Machine(NamedTuple):
    """What fragments are read by, with the key of the random numbers of all reads."""

    library: Library
    tables: Tables
    key: np.uint64


class Buffers(NamedTuple):
    """Room for the bytes of a block: FASTQ of both mates, BAM records; and how many bytes each holds, (3,)."""

    reads1: Codes
    reads2: Codes
    truth: Codes
    ends: Integers

    @classmethod
    def of(cls, fragments: int, length_bp: int, mates: int) -> "Buffers":
        """Room for fragments with reads of one length."""
        text = fragments * (2 * length_bp + 20)
        truth = fragments * mates * room_for(length_bp)
        return cls(
            np.empty(text, np.uint8),
            np.empty(text if mates == 2 else 0, np.uint8),
            np.empty(truth, np.uint8),
            np.zeros(3, np.int64),
        )


@compiled
def count_runs(read: Row, counts: Counts, i: int) -> None:
    """Add one read's runs to its fragment's counts."""
    for k in range(len(read.kinds)):
        kind, length = read.kinds[k], read.lengths[k]
        if kind in (WRONG, WRONG_GAINED):
            counts.substitutions[i] += length
        elif kind == EXTRA:
            counts.insertions[i] += length
        elif kind == SKIPPED:
            counts.deletions[i] += length
        elif kind in (VARIANT, GAINED, LOST):
            counts.variants[i] += 1


@compiled
def begin_of(
    library: Library, contig: int, left: int, right: int, forward: bool, length: int
) -> int:
    """Where on the marks a read of a fragment's end begins, so that it fits into the contig."""
    low, high = library.mark_starts[contig], library.mark_starts[contig + 1]
    if forward:
        return int(max(low, min(lifted(library, left), high - length)))
    return int(min(high, max(lifted(library, right), low + length)) - 1)


@compiled
def read_block(
    machine: Machine, fragments: Fragments, first: int, scratch: Scratch, buffers: Buffers, counts: Counts
) -> None:  # fmt: skip
    """Read all fragments of a block, named from `first` on, as many ends of each as the scratch has rows."""
    library, mates = machine.library, len(scratch.bases)
    length = machine.tables.wrong.shape[1]
    buffers.ends[:] = 0
    size, runs = np.zeros(2, np.int64), np.zeros(2, np.int64)
    start, stop = np.zeros(2, np.int64), np.zeros(2, np.int64)
    for i in range(len(fragments.contig)):
        contig, number, reverse = fragments.contig[i], first + i, fragments.reverse[i]
        for mate in range(mates):
            row, forward = row_of(scratch, mate, mate), reverse == (mate == 1)
            own = mix(machine.key + TWO * np.uint64(number) + np.uint64(mate))
            begin = begin_of(
                library, contig, fragments.left[i], fragments.right[i], forward, length
            )
            size[mate], runs[mate], leftmost = read_template(
                library, contig, begin, forward, own, tables_of(machine.tables, mate), row
            )
            read = cut(row, size[mate], runs[mate])
            start[mate] = to_reference(library.edits, leftmost, library.mark_starts[contig])
            stop[mate] = start[mate] + span(read)
            count_runs(read, counts, i)
        width = max(stop[0], stop[1]) - min(start[0], start[1])
        for mate in range(mates):
            read = cut(row_of(scratch, mate, mate), size[mate], runs[mate])
            where = aligned(library, contig, reverse == (mate == 1), mate, start[:mates], width)
            write_read(number, read, where, mate, buffers)


@compiled
def aligned(
    library: Library, contig: int, forward: bool, mate: int, start: Integers, width: int
) -> Aligned:
    """Where a fragment's reads lie, of whose ends (mates,) are read."""
    flag, target = 0 if forward else REVERSE, library.target[contig]
    if len(start) == 1:
        return Aligned(flag, library.copy[contig], target, start[mate], -1, -1, 0)
    flag |= PAIRED | (MATE_REVERSE if forward else 0) | (FIRST if mate == 0 else LAST)
    between = width if forward else -width
    return Aligned(
        flag, library.copy[contig], target, start[mate], target, start[1 - mate], between
    )


@compiled
def write_read(number: int, read: Row, where: Aligned, mate: int, buffers: Buffers) -> None:
    """FASTQ and truth of one read, behind what the buffers hold."""
    text = buffers.reads1 if mate == 0 else buffers.reads2
    ends = buffers.ends
    ends[mate] = put_fastq(text, ends[mate], number, read.bases, read.qualities)
    ends[2] = put_record(buffers.truth, ends[2], number, read, where)
