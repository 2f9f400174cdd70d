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
    Scratch,
    Tables,
    read_template,
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


class Buffers(NamedTuple):
    """Room for the bytes of a block: FASTQ of both mates, BAM records."""

    reads1: Codes
    reads2: Codes
    truth: Codes

    @classmethod
    def of(cls, fragments: int, length_bp: int, mates: int) -> "Buffers":
        """Room for fragments with reads of one length."""
        text = fragments * (2 * length_bp + 20)
        truth = fragments * mates * room_for(length_bp)
        return cls(
            np.empty(text, np.uint8),
            np.empty(text if mates == 2 else 0, np.uint8),
            np.empty(truth, np.uint8),
        )


@compiled
def count_runs(scratch: Scratch, mate: int, runs: int, counts: Counts, i: int) -> None:
    """Add one read's runs to its fragment's counts."""
    for k in range(runs):
        kind, length = scratch.kinds[mate, k], scratch.lengths[mate, k]
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
    key: np.uint64, first: int, fragments: Fragments, library: Library, tables: Tables, mates: int,
    scratch: Scratch, buffers: Buffers, counts: Counts,
) -> tuple[int, int, int]:  # fmt: skip
    """Read all fragments of a block, named from `first` on; how many bytes each buffer holds then."""
    length = tables.wrong.shape[1]
    ends = np.zeros(3, np.int64)
    size, runs = np.zeros(2, np.int64), np.zeros(2, np.int64)
    start, stop = np.zeros(2, np.int64), np.zeros(2, np.int64)
    for i in range(len(fragments.contig)):
        contig, number = fragments.contig[i], first + i
        low, high = library.mark_starts[contig], library.mark_starts[contig + 1]
        for mate in range(mates):
            forward = fragments.reverse[i] == (mate == 1)
            own = mix(key + TWO * np.uint64(number) + np.uint64(mate))
            begin = begin_of(
                library, contig, fragments.left[i], fragments.right[i], forward, length
            )
            size[mate], runs[mate], leftmost = read_template(
                library, begin, forward, low, high, length, mate, own, tables, scratch
            )
            start[mate] = to_reference(library.edits, leftmost, low)
            stop[mate] = start[mate] + span(scratch, mate, runs[mate])
            count_runs(scratch, mate, runs[mate], counts, i)
        write_fragment(number, library.target[contig], library.copy[contig], fragments.reverse[i], mates,
                       size, runs, start, stop, scratch, buffers, ends)  # fmt: skip
    return ends[0], ends[1], ends[2]


@compiled
def write_fragment(
    number: int, target: int, copy: int, reverse: bool, mates: int, size: Integers, runs: Integers, start: Integers,
    stop: Integers, scratch: Scratch, buffers: Buffers, ends: Integers,
) -> None:  # fmt: skip
    """FASTQ and truth of one fragment's reads, behind what the buffers hold."""
    width = max(stop[0], stop[1]) - min(start[0], start[1])
    for mate in range(mates):
        forward = reverse == (mate == 1)
        bases, qualities = scratch.bases[mate, : size[mate]], scratch.qualities[mate, : size[mate]]
        if mate == 0:
            ends[0] = put_fastq(buffers.reads1, ends[0], number, bases, qualities)
        else:
            ends[1] = put_fastq(buffers.reads2, ends[1], number, bases, qualities)
        flag = 0 if forward else REVERSE
        other_contig, other_start, between = -1, -1, 0
        if mates == 2:
            flag |= PAIRED | (MATE_REVERSE if forward else 0) | (FIRST if mate == 0 else LAST)
            other_contig, other_start, between = (
                target,
                start[1 - mate],
                width if forward else -width,
            )
        ends[2] = put_record(
            buffers.truth, ends[2], number, scratch, mate, bases, qualities, runs[mate], forward, flag, copy,
            target, start[mate], other_contig, other_start, between,
        )  # fmt: skip
