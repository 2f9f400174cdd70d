"""Single reads out of SAM, BAM or CRAM, as the sequencer read them.

References
----------
The CRAM format specification 2.1 and 3.1, section 9 (the container that ends a file).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pysam

from avatarflow.core.file_problems import Complaints
from avatarflow.reads.files import DAMAGED, FETCH, headless, is_alignments, unpacked

NO_READ = 0x100 | 0x800  # secondary and supplementary records repeat a read
MATES = "make two FASTQ of it with samtools collate and samtools fastq -1 -2, and give both"
HIGHEST = 93  # the highest quality of the format
NO_QUALITY = 127  # what a higher one becomes: a character that is no quality
CRAM, ENDS_SINCE = b"CRAM", (2, 1)
END_OF_CRAM = {
    2: bytes.fromhex("0b000000ffffffff0fe0454f460000000001000001000606010001000100"),
    3: bytes.fromhex(
        "0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b"
    ),
}
"""The last bytes of a whole file, by its major version."""
HALF_USED = 8  # the byte of them whose upper half writers set as they like
NAMES_ALONE = [b"required_fields=0x3"]  # names and flags, for which no reference is needed
CUT = ("alignments without their end (truncated?)", FETCH)
PACKED = (
    "alignments behind a byte order mark, or in another packing than gzip",
    "give them plain or in gzip, without the mark",
)
NO_REFERENCE = (
    "a CRAM whose reference is not on this machine",
    "make FASTQ of it with samtools fastq --reference and the FASTA that it was made with",
)
HEADLESS = ("SAM without its header", "give it with its header, as samtools view -h writes it")
NAME = ("a name with letters that are not UTF-8", "name the reads in ASCII")
UNREADABLE = ("alignments that cannot be read (truncated or damaged)", FETCH)


class Alignment(NamedTuple):
    """One read: name, bases and qualities (Phred + 33)."""

    name: bytes
    bases: bytes
    qualities: bytes


def alignment_records(path: Path, label: str, complaints: Complaints) -> Iterator[Alignment]:
    """Every read, in the direction of sequencing.

    Mates, reads without qualities, and a file that cannot be read to its end are complaints.
    """
    number = 0
    # a CRAM's reference is looked for on this machine alone
    os.environ.setdefault("REF_PATH", os.devnull)
    loudness = pysam.set_verbosity(0)  # the library would print the path
    try:
        if problem := _outside(path):
            complaints.line(label, 1, *problem)
            return
        with pysam.AlignmentFile(str(path), check_sq=False) as file:
            for read in file.fetch(until_eof=True):
                if read.flag & NO_READ:
                    continue
                number += 1
                if read.is_paired:
                    complaints.line(label, number, "mates in one file of alignments", MATES)
                    return
                if read.query_sequence and read.query_qualities is None:
                    complaints.line(
                        label, number, "a read without qualities", "give the reads with qualities"
                    )
                    return
                yield _as_sequenced(read)
    except UnicodeDecodeError:
        complaints.line(label, number, *NAME)
    except (OSError, ValueError):
        complaints.line(label, number + 1, *_unreadable(path))
    finally:
        pysam.set_verbosity(loudness)


def _as_sequenced(read: pysam.AlignedSegment) -> Alignment:
    name = str(read.query_name).encode()
    if not read.query_sequence:
        return Alignment(name, b"", b"")
    scores = read.get_forward_qualities() or ()
    qualities = bytes(score + 33 if score <= HIGHEST else NO_QUALITY for score in scores)
    return Alignment(name, str(read.get_forward_sequence()).encode(), qualities)


def _outside(path: Path) -> tuple[str, str] | None:
    """What is wrong with a file before its records are read; the library sees neither."""
    with path.open("rb") as raw:
        start = raw.read(6)
        if start.startswith(CRAM):
            if tuple(start[4:6]) < ENDS_SINCE:
                return None
            end = END_OF_CRAM[min(start[4], max(END_OF_CRAM))]
            raw.seek(-min(len(end), path.stat().st_size), os.SEEK_END)
            last = bytearray(raw.read())
            last[HALF_USED : HALF_USED + 1] = bytes(
                byte & 0x0F for byte in last[HALF_USED : HALF_USED + 1]
            )
            return None if last == end else CUT
        raw.seek(0)
        if start.startswith(b"\x1f\x8b"):
            return PACKED if unpacked(raw).peek(len(CRAM)).startswith(CRAM) else None
        return None if is_alignments(raw) else PACKED


def _unreadable(path: Path) -> tuple[str, str]:
    """Why the library gave up; it says the same of a damaged file and of a lacking reference."""
    try:
        with path.open("rb") as raw:
            start = unpacked(raw)
            if start.peek(len(CRAM)).startswith(CRAM):
                return NO_REFERENCE if _names_readable(path) else UNREADABLE
            return HEADLESS if headless(start) else UNREADABLE
    except DAMAGED:
        return UNREADABLE


def _names_readable(path: Path) -> bool:
    """Whether a CRAM is whole, but for the bases that only its reference has."""
    try:
        with pysam.AlignmentFile(str(path), check_sq=False, format_options=NAMES_ALONE) as file:
            return all(True for _ in file.fetch(until_eof=True))
    except (OSError, ValueError):
        return False
