"""A block of nanopore reads: molecules read from end to end, written as FASTQ and as truth records."""

import zlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from avatarflow.core.arrays import Codes, Integers
from avatarflow.core.seeds import integer
from avatarflow.reads.compiled import compiled, mix, unit_at
from avatarflow.reads.simulation.fragments import Fragments, fragment_key
from avatarflow.reads.simulation.illumina.blocks import Counts, count_runs
from avatarflow.reads.simulation.library import Library, lifted
from avatarflow.reads.simulation.mixture import Mixture
from avatarflow.reads.simulation.records import (
    DIGITS,
    FIXED,
    REVERSE,
    SUPPLEMENTARY,
    UNMAPPED,
    Aligned,
    put_fastq,
    put_record,
)
from avatarflow.reads.simulation.sequencer import (
    FOREIGN,
    LOST,
    NO_VARIANT,
    SKIPPED,
    Row,
    Scratch,
    cut,
    push,
    row_of,
)
from avatarflow.reads.simulation.sources import Sources

from .errors import CLASSES, LongModel, LongTables, run_lengths, run_shares
from .fragments import JUNK, KINDS, LongLayout, Molecules, draw_molecules
from .reader import (
    END,
    GENOME_1,
    GENOME_2,
    INSERTED_1,
    INSERTED_2,
    READ,
    RUNS_PER_BASE,
    START,
    Span,
    Strand,
    law_of,
    read_adapter,
    read_junk,
    read_stretch,
    stream,
)

Bytes = bytes | memoryview

BLOCK = 512
BUFFER = 1 << 25  # bytes at least
# bytes that a record may take beside its bases, and more for every run
RECORD, PER_RUN = FIXED + DIGITS + 64, 19


class Adapters(NamedTuple):
    """Sequences at the start and the end of molecules."""

    start: Codes
    end: Codes


class LongMachine(NamedTuple):
    """What molecules are read by, with the keys of the random numbers of junk and of all reads."""

    strand: Strand
    adapters: Adapters
    tables: LongTables
    junk_key: np.uint64
    key: np.uint64


class LongBuffers(NamedTuple):
    """Room for the bytes of some reads: FASTQ, BAM records; and how many bytes each holds, (2,)."""

    reads: Codes
    truth: Codes
    ends: Integers

    @classmethod
    def of(cls, size: int) -> "LongBuffers":
        """Room for so many bytes of each."""
        return cls(np.empty(size, np.uint8), np.empty(size, np.uint8), np.zeros(2, np.int64))


class LongSimulator:
    """All that is constant over the blocks of one cell of the grid; nanopore's counterpart of `Simulator`.

    Parameters
    ----------
    sources : Sources
    mixture : Mixture
    layout : LongLayout
    model : LongModel
    error : float
        Share of wrong columns of the host's alignments: 1 - identity.
    seeds : mapping
        `fragments` and `errors`.
    donor : str
        Donors of one seed get different reads.
    """

    block_size = BLOCK

    def __init__(
        self, sources: Sources, mixture: Mixture, layout: LongLayout, model: LongModel, error: float,
        seeds: Mapping[str, int], donor: str,
    ) -> None:  # fmt: skip
        self.sources, self.mixture, self.layout = sources, mixture, layout
        library = sources.library
        person = zlib.crc32(donor.encode())
        self.fragments_key = fragment_key(seeds["fragments"], person)
        self.machine = LongMachine(
            Strand(library, run_lengths(library.marks, library.mark_starts)),
            Adapters(*layout.adapters),
            model.tables(error, run_shares(sources.host.codes, sources.host.starts)),
            self.fragments_key,
            np.uint64(integer(seeds["errors"], "errors", person)),
        )
        self.scratch, self.buffers = room(0), LongBuffers.of(0)

    def block(self, number: int, count: int) -> tuple[Bytes, Bytes, Bytes, pa.Table]:
        """FASTQ text, no second mates, truth records and truth table of one block; valid until the next block."""
        first, library = number * BLOCK, self.sources.library
        molecules = draw_molecules(
            self.fragments_key, first, count, library, self.mixture, self.layout
        )
        self._make_room(int(widest(molecules, library)))
        counts, done = Counts.of(count), 0
        texts: list[Bytes] = []
        records: list[Bytes] = []
        while done < count:
            done = read_long_block(
                self.machine, molecules, first, done, self.scratch, self.buffers, counts
            )
            text, truth = self.buffers.ends.tolist()
            whole = done == count and not texts  # mostly: then nothing need be copied
            texts.append(
                self.buffers.reads[:text].data if whole else self.buffers.reads[:text].tobytes()
            )
            records.append(
                self.buffers.truth[:truth].data if whole else self.buffers.truth[:truth].tobytes()
            )
        table = self.sources.truth_writer.table(
            first, told(molecules), library, counts, _kinds(molecules)
        )
        fastq, raw = (
            parts[0] if len(parts) == 1 else b"".join(parts) for parts in (texts, records)
        )
        return fastq, b"", raw, table

    def _make_room(self, bases: int) -> None:
        """Scratch and buffers for the longest read of a block; they only grow, and no byte depends on them."""
        if self.scratch.bases.shape[1] >= 2 * bases + 256:
            return
        self.scratch = room(bases)
        need = 2 * (
            RECORD + 2 * self.scratch.bases.shape[1] + PER_RUN * self.scratch.kinds.shape[1]
        )
        self.buffers = LongBuffers.of(max(BUFFER, need))


def room(bases: int) -> Scratch:
    """Scratch for one read of so many bases of the genome: one row of bases, runs of two parts."""
    return Scratch.of(1, 2 * bases + 256, 2, RUNS_PER_BASE * bases + 64)


def told(molecules: Molecules) -> Fragments:
    """What the table tells of each read: its first part, or the second one where that alone is human."""
    one, two = molecules.first, molecules.second
    other = (two.contig >= 0) & (two.source == 0) & (one.source != 0)
    return Fragments(*(np.where(other, b, a) for a, b in zip(one, two, strict=True)))


def _kinds(molecules: Molecules) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(molecules.kind.astype(np.int32)), pa.array(KINDS)
    ).cast(pa.string())


@compiled
def marks_of(part: Fragments, i: int, library: Library) -> tuple[int, int]:
    """The span of a part on the marks."""
    contig = part.contig[i]
    low, high = library.mark_starts[contig], library.mark_starts[contig + 1]
    left = max(low, min(lifted(library, part.left[i]), high - 1))
    return left, min(high, max(lifted(library, part.right[i]), left + 1))


@compiled
def widest(molecules: Molecules, library: Library) -> int:
    """Most bases of the genome or of junk in one read of a block."""
    most = 0
    for i in range(len(molecules.kind)):
        total = molecules.first.right[i] if molecules.kind[i] == JUNK else 0
        for part in (molecules.first, molecules.second):
            if part.contig[i] >= 0:
                left, right = marks_of(part, i, library)
                total += right - left
        most = max(most, total)
    return most


@compiled
def span_of(part: Fragments, i: int, library: Library) -> Span:
    """The span of a part, and the direction it is read in."""
    left, right = marks_of(part, i, library)
    return Span(left, right, not part.reverse[i], library.mark_starts[part.contig[i]])


@compiled
def read_long_block(
    machine: LongMachine, molecules: Molecules, first: int, done: int, scratch: Scratch, buffers: LongBuffers,
    counts: Counts,
) -> int:  # fmt: skip
    """Read the molecules of a block from number `done` on, as many as the buffers hold; the first that was not read."""
    strand, adapters, ends = machine.strand, machine.adapters, buffers.ends
    library, whole = strand.library, len(adapters.start)
    one, two = row_of(scratch, 0, 0), row_of(scratch, 0, 1)
    runs, starts = np.zeros(2, np.int64), np.zeros(2, np.int64)
    ends[:] = 0
    for i in range(done, len(molecules.kind)):
        number = first + i
        own = mix(machine.key + np.uint64(number))
        law = law_of(machine.tables, int(unit_at(stream(own, READ), 0) * CLASSES))
        runs[:], starts[:] = 0, -1
        has = molecules.adapters[i, 0], molecules.adapters[i, 1]
        at = read_adapter(adapters.start, whole - has[0], whole, stream(own, START), law, one, 0)
        if molecules.kind[i] == JUNK:
            junk = mix(machine.junk_key + np.uint64(number))
            at = read_junk(junk, molecules.first.right[i], law, one, at)
        else:
            keys = stream(own, GENOME_1), stream(own, INSERTED_1)
            span = span_of(molecules.first, i, library)
            at, runs[0], starts[0] = read_stretch(strand, span, keys, law, one, at)
        if molecules.second.contig[i] >= 0:
            keys = stream(own, GENOME_2), stream(own, INSERTED_2)
            span = span_of(molecules.second, i, library)
            at, runs[1], starts[1] = read_stretch(strand, span, keys, law, two, at)
        at = read_adapter(adapters.end, 0, has[1], stream(own, END), law, one, at)
        need = 2 * (RECORD + 2 * at) + PER_RUN * (max(runs[0], 1) + runs[1] + 2)
        if ends[1] + need > len(buffers.truth) or ends[0] + need > len(buffers.reads):
            return i
        ends[0] = put_fastq(buffers.reads, ends[0], number, one.bases[:at], one.qualities[:at])
        reads = closed(one, runs[0], at), closed(two, runs[1], at)
        for read in reads:
            count_runs(read, counts, i)
        write_records(molecules, i, number, library, reads, starts, buffers)
    return len(molecules.kind)


@compiled
def closed(row: Row, runs: int, size: int) -> Row:
    """A part of a read of `size` bases; what no run covers yet is foreign."""
    covered = 0
    for k in range(runs):
        covered += row.lengths[k] if row.kinds[k] not in (LOST, SKIPPED) else 0
    return cut(row, size, push(row, runs, FOREIGN, size - covered, NO_VARIANT))


@compiled
def write_records(
    molecules: Molecules, i: int, number: int, library: Library, reads: tuple[Row, Row], starts: Integers,
    buffers: LongBuffers,
) -> None:  # fmt: skip
    """Truth of one read: a record for each part that lies somewhere, the human one first, or one that lies nowhere."""
    human_first = molecules.first.source[i] == 0
    swapped = (
        molecules.second.contig[i] >= 0 and molecules.second.source[i] == 0 and not human_first
    )
    flag, out, ends = 0, buffers.truth, buffers.ends
    for turn in range(2):
        row = 1 - turn if swapped else turn
        part = molecules.second if row == 1 else molecules.first
        if starts[row] < 0:
            continue
        contig = part.contig[i]
        where = Aligned(
            flag | (REVERSE if part.reverse[i] else 0), library.copy[contig], library.target[contig],
            starts[row], -1, -1, 0,
        )  # fmt: skip
        ends[1] = put_record(out, ends[1], number, reads[row], where)
        flag = SUPPLEMENTARY
    if not flag:
        nowhere = Aligned(UNMAPPED, np.uint8(0), -1, -1, -1, -1, 0)
        ends[1] = put_record(out, ends[1], number, reads[0], nowhere)
