"""Alignments as columns: for every read, which bases match, are substituted, inserted or lost, and where."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pysam

from avatarflow.core.arrays import Codes
from avatarflow.core.errors import refuse
from avatarflow.reads.genomes.genome import CODE_OF, Genome, N

SKIPPED = 0xF04  # unmapped, secondary, low quality, duplicate, supplementary
SAME, SUBSTITUTED, INSERTED, LOST, UNKNOWN = range(5)
MATCH, INSERTION, DELETION, CLIP = (0, 7, 8), 1, 2, 4
NO_QUALITY = 255
LEAST_MAPQ = 20  # reads below are left out; 255 (not known) counts
MOST_COLUMNS = 20_000_000  # enough for any rate; more would only take memory


@dataclass(frozen=True)
class Columns:
    """One aligned read, n columns, in the direction of the reference.

    `kind` (n,): SAME, SUBSTITUTED, INSERTED, LOST, or UNKNOWN where there is an N. `at` (n,): place of the column in
    the stretch of the reference (of an insertion: of the base behind it). `read` (n,): place in the whole read, in
    reading direction (of a lost base: of the one before). `base` (n,): what the read shows in the reference's
    direction, N where a base is lost. `quality` (n,): phred, or NO_QUALITY.
    """

    contig: str
    start: int
    reverse: bool
    mate: int
    length: int
    reference: Codes  # the stretch that the alignment covers
    kind: Codes
    at: npt.NDArray[np.int32]
    read: npt.NDArray[np.int32]
    base: Codes
    quality: Codes


def aligned_columns(
    bam: str | Path, reference: Genome | None, most_reads: int
) -> Iterator[Columns]:
    """The columns of the first reads of a BAM that count: primary, no duplicates, with sequence and a good place.

    Parameters
    ----------
    bam : path
    reference : Genome, optional
        What the reads were aligned to; without one, their MD tags tell it.
    most_reads : int

    Raises
    ------
    AvatarflowError
        If a contig is not in the reference, a read lies beyond its end, or MD is missing where it is needed.
    """
    contigs = dict(reference.contigs()) if reference is not None else {}
    done = seen = 0
    try:
        file = pysam.AlignmentFile(str(bam), check_sq=False)
    except (OSError, ValueError) as error:
        raise refuse(str(bam), "no readable BAM", "give an alignment file") from error
    if not file.nreferences:
        raise refuse(str(bam), "no BAM, or one without contigs", "give an alignment file")
    with file:
        for record in file:
            if record.flag & SKIPPED or record.query_sequence is None or not record.cigartuples:
                continue
            if record.mapping_quality < LEAST_MAPQ or any(op == 5 for op, _ in record.cigartuples):
                continue
            columns = _columns(record, contigs, reference is None, str(bam))
            yield columns
            done, seen = done + 1, seen + len(columns.kind)
            if done == most_reads or seen > MOST_COLUMNS:
                return


def _columns(
    record: pysam.AlignedSegment, contigs: dict[str, Codes], from_md: bool, where: str
) -> Columns:
    stretch = _stretch(record, contigs, from_md, where)
    bases: Codes = CODE_OF[np.frombuffer(record.query_sequence.encode(), np.uint8)]
    kinds, ats, reads = [], [], []
    at = read = 0
    for operation, length in record.cigartuples:
        steps = np.arange(length)
        if operation in MATCH:
            true, called = stretch[at : at + length], bases[read : read + length]
            known = (true < N) & (called < N)
            kinds.append(np.where(known, np.where(true == called, SAME, SUBSTITUTED), UNKNOWN))
            ats.append(at + steps)
            reads.append(read + steps)
        elif operation == INSERTION:
            kinds.append(np.full(length, INSERTED))
            ats.append(np.full(length, at))
            reads.append(read + steps)
        elif operation == DELETION:
            kinds.append(np.full(length, LOST))
            ats.append(at + steps)
            reads.append(np.full(length, max(read - 1, 0)))
        at += length if operation in (*MATCH, DELETION) else 0
        read += length if operation in (*MATCH, INSERTION, CLIP) else 0
    places = np.concatenate(reads).astype(np.int64)
    quality = np.full(len(bases), NO_QUALITY, np.uint8)
    if record.query_qualities is not None:
        quality = np.asarray(record.query_qualities, np.uint8)
    kind = np.concatenate(kinds).astype(np.uint8)
    return Columns(
        str(record.reference_name), int(record.reference_start), bool(record.is_reverse), 2 if record.is_read2 else 1,
        len(bases), stretch, kind, np.concatenate(ats).astype(np.int32),
        (len(bases) - 1 - places if record.is_reverse else places).astype(np.int32),
        np.where(kind == LOST, N, bases[places]).astype(np.uint8), quality[places],
    )  # fmt: skip


def _stretch(
    record: pysam.AlignedSegment, contigs: dict[str, Codes], from_md: bool, where: str
) -> Codes:
    if from_md:
        if not record.has_tag("MD"):
            raise refuse(
                where, "reads without MD", "name the reference, or add MD with samtools calmd"
            )
        letters = record.get_reference_sequence().upper().encode()
        return np.asarray(CODE_OF[np.frombuffer(letters, np.uint8)])
    name = str(record.reference_name)
    if name not in contigs or (record.reference_end or 0) > len(contigs[name]):
        raise refuse(
            where,
            f"reads on {name!r} beyond the reference",
            "name the reference that they were aligned to",
        )
    return np.asarray(contigs[name][record.reference_start : record.reference_end])


def event_starts(kind: Codes, which: int, reverse: bool) -> npt.NDArray[np.int64]:
    """Columns at which the machine began an insertion or deletion: the first of its columns in reading direction."""
    here = kind == which
    edge = np.concatenate([here[1:], [False]]) if reverse else np.concatenate([[False], here[:-1]])
    return np.flatnonzero(here & ~edge)
