"""FASTQ files of a user, read record by record and checked: nothing of a name ever reaches a message.

References
----------
Cock et al. 2010, Nucleic Acids Research 38:1767 (the format; qualities are Sanger's, Phred + 33).
"""

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import IO, NamedTuple, cast

from avatarflow.core.errors import refuse
from avatarflow.core.file_problems import Complaints
from avatarflow.reads.genomes.genome import BAD, CODE_OF, LETTERS

DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error)
SUFFIXES = (b"/1", b"/2")
STRANGE = 0
# upper case; IUPAC codes become N
BASES = bytes(STRANGE if code == BAD else LETTERS[code] for code in CODE_OF)
PRINTABLE = bytes(range(33, 127))
FETCH, REPAIR = "fetch the file again", "repair the file"


class Record(NamedTuple):
    """One read: the line that it starts in, its fragment's name, bases in upper case, qualities (Phred + 33)."""

    line: int
    name: bytes
    bases: bytes
    qualities: bytes
    good: bool = True


class Fastq:
    """One file, to be read once.

    Parameters
    ----------
    path : path
        Plain, gzip or xz, by its first bytes.
    label : str
        What messages call it.
    complaints : Complaints
        Gets every problem. A bad record comes without bases, so that mates stay together; where lines are lost,
        reading ends.

    Attributes
    ----------
    unclear, lower : int
        Bases that were IUPAC codes and became N, and records with lower-case letters.
    crlf : bool
        Whether lines end as on Windows.
    """

    def __init__(self, path: str | Path, label: str, complaints: Complaints) -> None:
        if not Path(path).is_file():
            raise refuse(label, "no such file", "give the path of an existing file")
        self.path, self.label, self.complaints = Path(path), label, complaints
        self.size = self.path.stat().st_size
        self.unclear, self.lower, self.crlf, self.ended = 0, 0, False, 0
        self._raw: IO[bytes] | None = None

    def done(self) -> int:
        """Bytes of the file, as it lies on the disk, that were read so far."""
        return self.size if self._raw is None else self._raw.tell()

    def records(self) -> Iterator[Record]:
        """All records, in order."""
        line = 1
        with self.path.open("rb") as raw:
            self._raw = raw
            try:
                file = _unpacked(raw)
                while head := file.readline():
                    parts = (head, file.readline(), file.readline(), file.readline())
                    if not any(part.strip() for part in parts):
                        break  # blank lines at the end
                    record = self._record(line, *parts)
                    if record is not None:
                        yield record
                    elif self.ended:
                        return
                    line += 4
            except DAMAGED:
                self._wrong(line, "the compressed file is truncated or damaged here", FETCH)
            finally:
                self._raw = None
        self.ended = self.ended or line
        if line == 1 and not self.complaints.total:
            self._wrong(1, "no read in the file", "give a FASTQ file with at least one read")

    def _wrong(self, line: int, found: str, do: str) -> None:
        self.complaints.line(self.label, line, found, do)

    def _record(
        self, line: int, head: bytes, bases: bytes, plus: bytes, qualities: bytes
    ) -> Record | None:
        if not qualities.strip() and not (bases.strip() == b"" and plus.startswith(b"+")):
            self._lost(line, "a record that is cut short", FETCH)
        elif not head.startswith(b"@"):
            self._lost(
                line, "no record begins here: no @ (lines lost or added above, or no FASTQ)", FETCH
            )
        elif not plus.startswith(b"+"):
            self._lost(
                line + 2, "no + between bases and qualities (lines lost or added above)", FETCH
            )
        if self.ended:
            return None
        self.crlf = self.crlf or head.endswith(b"\r\n")
        bases, qualities = bases.rstrip(b"\r\n"), qualities.rstrip(b"\r\n")
        clean = bases.translate(BASES)
        name = fragment_name(head)
        before = self.complaints.total
        if not name:
            self._wrong(line, "a read without a name", "name every read")
        if STRANGE in clean:
            self._wrong(line + 1, "a character that is no base", REPAIR)
        if len(bases) != len(qualities):
            self._wrong(line + 3, "more or fewer qualities than bases", REPAIR)
        if qualities.translate(None, PRINTABLE):
            self._wrong(line + 3, "a character that is no quality", "give qualities as Phred + 33")
        if self.complaints.total > before:
            return Record(line, name, b"", b"", good=False)
        if clean != bases:
            upper = bases.upper()
            self.lower += upper != bases
            self.unclear += clean.count(b"N") - upper.count(b"N")
        return Record(line, name, clean, qualities)

    def _lost(self, line: int, found: str, do: str) -> None:
        self._wrong(line, found, do)
        self.ended = line


def fragment_name(head: bytes) -> bytes:
    """What both mates of a fragment share: the first word of the head, without /1 or /2."""
    words = head[1:].split(maxsplit=1) if not head[1:2].isspace() else []
    name = words[0] if words else b""
    return name[:-2] if name.endswith(SUFFIXES) else name


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    magic = raw.read(6)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 20))
    return cast(IO[bytes], lzma.LZMAFile(raw)) if magic.startswith(b"\xfd7") else raw


def fragments(files: list[Fastq], complaints: Complaints) -> Iterator[tuple[Record, ...]]:
    """The reads of each fragment: one of a single file, two of files with mates in the same order.

    Raises nothing by itself: mates that do not belong together, that are missing, and pairs in one file are complaints.
    """
    last = b""
    for mates in zip_longest(*(file.records() for file in files)):
        if None in mates:
            _one_ended(files, mates, complaints)
            return
        names = {mate.name for mate in mates}
        if len(names) > 1:
            found = (
                "not the mate of the read at this place of fastq1 (mates out of order or missing)"
            )
            complaints.line(
                files[1].label,
                mates[1].line,
                found,
                "put both files in one order, without single mates",
            )
            continue
        if mates[0].name == last and len(files) == 1:
            found = "the name of the read before once more (both mates in one file?)"
            complaints.line(
                files[0].label,
                mates[0].line,
                found,
                "put the mates into two files, in the same order",
            )
        last = mates[0].name
        yield mates


def _one_ended(
    files: list[Fastq], mates: tuple[Record | None, ...], complaints: Complaints
) -> None:
    """One file has ended; a complaint about a damaged one stands already."""
    short = next(number for number, mate in enumerate(mates) if mate is None)
    longer = mates[1 - short]
    if longer is not None and not complaints.total:
        found = f"a read without a mate: fastq{short + 1} has ended before"
        complaints.line(
            files[1 - short].label,
            longer.line,
            found,
            "give both files whole, without single mates",
        )
