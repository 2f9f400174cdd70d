"""FASTQ files of a user, read record by record and checked: nothing of a name ever reaches a message.

References
----------
Cock et al. 2010, Nucleic Acids Research 38:1767 (the format; qualities are Sanger's, Phred + 33, or Phred + 64).
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from avatarflow.core.errors import refuse
from avatarflow.core.file_problems import Complaints
from avatarflow.reads.files import DAMAGED, FETCH, is_alignments, kind_of, unpacked
from avatarflow.reads.genomes.genome import BAD, CODE_OF, LETTERS

from .alignments import alignment_records

STRANGE = 0
# upper case; IUPAC codes become N, and so does the dot of old machines
BASES = bytes(
    b"N"[0] if byte == b"."[0] else STRANGE if code == BAD else LETTERS[code]
    for byte, code in enumerate(CODE_OF)
)
PRINTABLE = bytes(range(33, 127))
SANGER, OLD = 33, 64
LOWEST_OLD, HIGHEST_SANGER = b";"[0], b"J"[0]  # Solexa's -5; 41 in Phred + 33
LONGEST_OLD_BP = 1000  # machines with longer reads never wrote Phred + 64
TO_SANGER = bytes(
    max(byte - OLD, 0) + SANGER if byte >= LOWEST_OLD else STRANGE for byte in range(256)
)
NOT_ONLY_SANGER = bytes(range(LOWEST_OLD, 256))
USUAL_SANGER = bytes(range(HIGHEST_SANGER + 1))
FASTQ_HIGH = "(no character below ; and some above J)"
ALIGNED_HIGH = "(none below 26 and some above 41)"
COLOUR = re.compile(rb"[ACGTacgt]?[0-3.]+")

# what is wrong with a record, and what to do
NO_RECORD = (
    "no record begins here: no @ (lines lost or added above, or no FASTQ)",
    f"{FETCH}, or give a FASTQ file",
)
FASTA = ("a FASTA file, which has no qualities", "give the reads as FASTQ")
BLANK = ("a blank line where a record should begin", "take the blank lines out")
CUT = ("a record that is cut short", FETCH)
OLD_MAC = ("lines that end in carriage returns alone", "write line ends of Unix or Windows")
NO_PLUS = ("no + between bases and qualities (lines lost or added above)", FETCH)
WRAPPED = ("bases over several lines", "write every read in four lines, as seqtk seq does")
NO_BASE = ("a character that is no base", "repair the file")
COLOURS = ("colours of SOLiD in place of bases", "give the reads in bases")
OTHER_NAME = (
    "another name after + than after @ (lines lost or added?)",
    f"{FETCH}, or leave nothing behind +",
)
UNEVEN = (
    "more or fewer qualities than bases",
    "repair the file, or write every read in four lines",
)
NO_QUALITY = (
    "a character that is no quality",
    "give qualities as Phred + 33, or repair the file",
)


class Record(NamedTuple):
    """One read: its lines, first word and rest of its head, upper-case bases, Phred + 33.

    `line` is its first line, `bases_line` that of its bases; for SAM, BAM and CRAM both are the
    number of the record.
    """

    line: int
    bases_line: int
    name: bytes
    comment: bytes
    bases: bytes
    qualities: bytes
    good: bool = True


class Fastq:
    """One file, to be read once.

    Parameters
    ----------
    path : path
        Plain, gzip, bzip2, xz or zstd, by its first bytes; or SAM, BAM or CRAM with single reads.
    label : str
        What messages call it.
    complaints : Complaints
        Gets every problem. A bad record comes without bases, so that mates stay together; where lines are lost,
        reading ends.
    offset : int, optional
        33 or 64: what was added to the qualities. None takes 33, and refuses a file that looks like 64.

    Attributes
    ----------
    unclear, lower : int
        Bases that were IUPAC codes or dots and became N, and records with lower-case letters.
    crlf : bool
        Whether lines end as on Windows.
    """

    def __init__(
        self, path: str | Path, label: str, complaints: Complaints, offset: int | None = None
    ) -> None:
        if not Path(path).is_file():
            raise refuse(label, "no such file", "give the path of an existing file")
        self.path, self.label, self.complaints = Path(path), label, complaints
        self.size, self.offset = self.path.stat().st_size, offset
        self.unclear, self.lower, self.crlf, self.ended = 0, 0, False, 0
        self.sanger, self.high, self.longest = False, False, 0
        self.lines = 1  # from one part of a record to the next
        self._raw: IO[bytes] | None = None

    def done(self) -> int:
        """Bytes of the file, as it lies on the disk, that were read so far."""
        return self.size if self._raw is None else self._raw.tell()

    def records(self) -> Iterator[Record]:
        """All records, in order."""
        with self.path.open("rb") as raw:
            self._raw = raw
            try:
                file = unpacked(raw)
                if is_alignments(file):
                    yield from self._aligned()
                elif file.peek(1).startswith(b">"):
                    self.complaints.add(self.label, *FASTA)
                elif kind := kind_of(file):
                    self.complaints.add(self.label, *kind)
                else:
                    yield from self._read(file)
            except DAMAGED:  # not even its first bytes could be read
                self._wrong(1, "the compressed file is truncated or damaged here", FETCH)
            finally:
                self._raw = None
        if self.offset is None and self.high and not self.sanger and self.longest <= LONGEST_OLD_BP:
            self.complaints.add(
                self.label,
                "qualities that look like Phred + 64 "
                + (FASTQ_HIGH if self.lines else ALIGNED_HIGH),
                "set own_reads.quality_offset to 64, or to 33 if they are Phred + 33",
            )

    def _read(self, file: io.BufferedReader) -> Iterator[Record]:
        line = 1
        try:
            while head := file.readline():
                if not head.strip():
                    if any(rest.strip() for rest in file):  # else they end the file
                        self._lost(line, *BLANK)
                        return
                    break
                record = self._record(line, head, file.readline(), file.readline(), file.readline())
                if record is not None:
                    yield record
                elif self.ended:
                    return
                line += 4
        except DAMAGED:
            self._wrong(line, "the compressed file is truncated or damaged here", FETCH)
        self._finish(line)

    def _aligned(self) -> Iterator[Record]:
        """Records of SAM, BAM or CRAM, checked like those of FASTQ."""
        self.complaints.units[self.label] = "record"
        self.lines = 0
        number = 1
        for head, bases, qualities in alignment_records(self.path, self.label, self.complaints):
            record = self._record(number, b"@" + head, bases, b"+", qualities)
            if record is not None:
                yield record
            number += 1
        self._finish(number)

    def _finish(self, line: int) -> None:
        self.ended = self.ended or line
        if line == 1 and not self.complaints.total and not self.complaints.lines:
            self._wrong(1, "no read in the file", "give a FASTQ file with at least one read")

    def _wrong(self, line: int, found: str, do: str) -> None:
        self.complaints.line(self.label, line, found, do)

    def _record(
        self, line: int, head: bytes, bases: bytes, plus: bytes, qualities: bytes
    ) -> Record | None:
        if not head.startswith(b"@"):
            self._lost(line, *NO_RECORD)
        elif not qualities and not (bases.strip() == b"" and plus.startswith(b"+")):
            self._lost(line, *(OLD_MAC if b"\r" in head.rstrip(b"\r\n") else CUT))
        elif not plus.startswith(b"+"):
            self._lost(line + 2, *(WRAPPED if is_wrapped(bases, plus, qualities) else NO_PLUS))
        if self.ended:
            return None
        self.crlf = self.crlf or head.endswith(b"\r\n")
        bases, qualities = bases.rstrip(b"\r\n"), qualities.rstrip(b"\r\n")
        clean = bases.translate(BASES)
        name, comment = words_of(head)
        before = self.complaints.total
        at_bases, at_plus, at_qualities = (line + below * self.lines for below in (1, 2, 3))
        if not name:
            self._wrong(line, "a read without a name", "name every read")
        if STRANGE in clean:
            self._wrong(at_bases, *(COLOURS if COLOUR.fullmatch(bases) else NO_BASE))
        if len(plus) > len(b"+\n") and plus.strip() != b"+" and words_of(plus)[0] != name:
            self._wrong(at_plus, *OTHER_NAME)
        if len(bases) != len(qualities):
            self._wrong(at_qualities, *UNEVEN)
        if qualities.translate(None, PRINTABLE):
            self._wrong(at_qualities, *NO_QUALITY)
        elif self.offset == OLD and min(qualities, default=OLD) < LOWEST_OLD:
            self._wrong(
                at_qualities,
                "a quality below those of Phred + 64",
                "set own_reads.quality_offset to 33",
            )
        if self.complaints.total > before:
            return Record(line, at_bases, name, comment, b"", b"", good=False)
        if clean != bases:
            upper = bases.upper()
            self.lower += upper != bases
            self.unclear += clean.count(b"N") - upper.count(b"N")
        self.sanger = self.sanger or bool(qualities.translate(None, NOT_ONLY_SANGER))
        self.high = self.high or bool(qualities.translate(None, USUAL_SANGER))
        self.longest = max(self.longest, len(bases))
        if self.offset == OLD:
            qualities = qualities.translate(TO_SANGER)
        return Record(line, at_bases, name, comment, clean, qualities)

    def _lost(self, line: int, found: str, do: str) -> None:
        self._wrong(line, found, do)
        self.ended = line


def is_wrapped(bases: bytes, plus: bytes, qualities: bytes) -> bool:
    """Whether bases go on in the line that should begin with +, as in FASTQ of several lines.

    Qualities may be letters of bases too: where the + is lost, the next record begins after them.
    """
    more = plus.strip()
    letters = STRANGE not in bases.strip().translate(BASES) + more.translate(BASES)
    return bool(more) and letters and not qualities.startswith(b"@")


def words_of(head: bytes) -> tuple[bytes, bytes]:
    """The name, which is the first word of a head, and the rest; no name where a blank comes first."""
    if head[1:2].isspace():
        return b"", b""
    name, *rest = head[1:].split(maxsplit=1) or [b""]
    return name, rest[0].strip() if rest else b""
