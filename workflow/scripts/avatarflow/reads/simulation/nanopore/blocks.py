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
from avatarflow.reads.simulation.library import Library, lifted, to_reference
from avatarflow.reads.simulation.mixture import Mixture
from avatarflow.reads.simulation.records import (
    DIGITS,
    FIXED,
    REVERSE,
    SUPPLEMENTARY,
    UNMAPPED,
    put_fastq,
    put_record,
)
from avatarflow.reads.simulation.sequencer import FOREIGN, LOST, NO_VARIANT, SKIPPED, Scratch, push
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
    Strand,
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


class LongBuffers(NamedTuple):
    """Room for the bytes of some reads."""

    reads: Codes
    truth: Codes


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
        self.tables = model.tables(error, run_shares(sources.host.codes, sources.host.starts))
        self.strand = Strand(library, run_lengths(library.marks, library.mark_starts))
        self.adapters = Adapters(*layout.adapters)
        person = zlib.crc32(donor.encode())
        self.fragments_key = fragment_key(seeds["fragments"], person)
        self.errors_key = np.uint64(integer(seeds["errors"], "errors", person))
        self.scratch, self.buffers = (
            room(0),
            LongBuffers(np.empty(0, np.uint8), np.empty(0, np.uint8)),
        )

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
            done, text, truth = read_long_block(
                self.fragments_key, self.errors_key, first, done, molecules, self.strand, self.adapters, self.tables,
                self.scratch, self.buffers, counts,
            )  # fmt: skip
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
        size = max(BUFFER, need)
        self.buffers = LongBuffers(np.empty(size, np.uint8), np.empty(size, np.uint8))


def room(bases: int) -> Scratch:
    """Scratch for one read of so many bases of the genome: one row of bases, runs of two parts."""
    runs = RUNS_PER_BASE * bases + 64
    one, two = np.zeros((1, 2 * bases + 256), np.uint8), np.zeros((1, 2 * bases + 256), np.uint8)
    kinds, lengths, idents = (np.zeros((2, runs), kind) for kind in (np.uint8, np.int64, np.int64))
    return Scratch(one, two, kinds, lengths, idents)


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
def read_part(
    part: Fragments, i: int, strand: Strand, own: np.uint64, second: bool, tables: LongTables, kind: int,
    scratch: Scratch, at: int, place: Integers,
) -> int:  # fmt: skip
    """Read one part of a molecule; bases of the read then. `place` gets number of runs and start on the reference."""
    row = 1 if second else 0
    library, contig = strand.library, part.contig[i]
    left, right = marks_of(part, i, library)
    begin = library.mark_starts[contig]
    runs = push(scratch, row, 0, FOREIGN, at, NO_VARIANT)
    keys = (
        (stream(own, GENOME_2), stream(own, INSERTED_2))
        if second
        else (stream(own, GENOME_1), stream(own, INSERTED_1))
    )
    at, runs, leftmost = read_stretch(
        strand,
        left,
        right,
        not part.reverse[i],
        begin,
        keys[0],
        keys[1],
        tables,
        kind,
        scratch,
        row,
        at,
        runs,
    )
    place[0], place[1] = runs, to_reference(library.edits, leftmost, begin) if leftmost >= 0 else -1
    return at


@compiled
def read_long_block(
    fragments_key: np.uint64, errors_key: np.uint64, first: int, done: int, molecules: Molecules, strand: Strand,
    adapters: Adapters, tables: LongTables, scratch: Scratch, buffers: LongBuffers, counts: Counts,
) -> tuple[int, int, int]:  # fmt: skip
    """Read the molecules of a block from number `done` on, as many as the buffers hold.

    Returns
    -------
    done : int
        The first that was not read.
    reads, truth : int
        How many bytes the buffers hold.
    """
    ends = np.zeros(2, np.int64)
    places = np.full((2, 2), -1, np.int64)
    for i in range(done, len(molecules.kind)):
        number = first + i
        own = mix(errors_key + np.uint64(number))
        kind = int(unit_at(stream(own, READ), 0) * CLASSES)
        places[:] = -1
        has = molecules.adapters[i, 0], molecules.adapters[i, 1]
        whole = len(adapters.start)
        at = read_adapter(
            adapters.start, whole - has[0], whole, stream(own, START), tables, kind, scratch, 0
        )
        if molecules.kind[i] == JUNK:
            at = read_junk(
                mix(fragments_key + np.uint64(number)),
                molecules.first.right[i],
                tables,
                kind,
                scratch,
                at,
            )
        else:
            at = read_part(
                molecules.first, i, strand, own, False, tables, kind, scratch, at, places[0]
            )
        if molecules.second.contig[i] >= 0:
            at = read_part(
                molecules.second, i, strand, own, True, tables, kind, scratch, at, places[1]
            )
        at = read_adapter(adapters.end, 0, has[1], stream(own, END), tables, kind, scratch, at)
        need = 2 * (RECORD + 2 * at) + PER_RUN * (max(places[0, 0], 1) + max(places[1, 0], 0) + 2)
        if ends[1] + need > len(buffers.truth) or ends[0] + need > len(buffers.reads):
            return i, ends[0], ends[1]
        ends[0] = put_fastq(
            buffers.reads, ends[0], number, scratch.bases[0, :at], scratch.qualities[0, :at]
        )
        write_records(
            molecules, i, number, strand.library, scratch, at, places, buffers.truth, ends, counts
        )
    return len(molecules.kind), ends[0], ends[1]


@compiled
def write_records(
    molecules: Molecules, i: int, number: int, library: Library, scratch: Scratch, size: int, places: Integers,
    out: Codes, ends: Integers, counts: Counts,
) -> None:  # fmt: skip
    """Truth of one read: a record for each part that lies somewhere, or one that lies nowhere."""
    bases, qualities = scratch.bases[0, :size], scratch.qualities[0, :size]
    swapped = (
        molecules.second.contig[i] >= 0
        and molecules.second.source[i] == 0
        and molecules.first.source[i] != 0
    )
    written = 0
    for turn in range(2):
        row = 1 - turn if swapped else turn
        part = molecules.second if row == 1 else molecules.first
        runs, start = places[row, 0], places[row, 1]
        if start < 0:
            continue
        covered = 0
        for k in range(runs):
            kind = scratch.kinds[row, k]
            covered += scratch.lengths[row, k] if kind not in (LOST, SKIPPED) else 0
        runs = push(scratch, row, runs, FOREIGN, size - covered, NO_VARIANT)
        count_runs(scratch, row, runs, counts, i)
        contig, forward = part.contig[i], not part.reverse[i]
        flag = (0 if forward else REVERSE) | (SUPPLEMENTARY if written else 0)
        ends[1] = put_record(
            out, ends[1], number, scratch, row, bases, qualities, runs, forward, flag, library.copy[contig],
            library.target[contig], start, -1, -1, 0,
        )  # fmt: skip
        written += 1
    if not written:
        runs = push(scratch, 0, 0, FOREIGN, size, NO_VARIANT)
        ends[1] = put_record(
            out,
            ends[1],
            number,
            scratch,
            0,
            bases,
            qualities,
            runs,
            True,
            UNMAPPED,
            0,
            -1,
            -1,
            -1,
            -1,
            0,
        )
