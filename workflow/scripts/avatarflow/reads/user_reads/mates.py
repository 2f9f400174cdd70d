"""The reads of each fragment: who belongs together, and what shows that files hold something else than was said.

Two names of mates may differ by the number of the mate alone (`names`). Mates in one file would be judged each for
itself, so they are refused. Names of single reads must differ: a name that comes again is a duplicate or a mate.
"""

import hashlib
from array import array
from collections.abc import Iterator
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from avatarflow.core.file_problems import Complaints

from .fastq import Fastq, Record
from .names import BOTH, marked, mate_of, plain, shared

TWO_FILES = "put the mates into two files, in the same order, or take duplicate reads out"
AGAIN = "the name of the read before once more (both mates in one file, or duplicate reads?)"
LATER = "a name for the second time (duplicate reads, or both mates in one file?)"
IN_TURN = "the mate of an earlier read (both mates in one file?)"
ONE_ORDER = "put both files in one order, without single mates"
ONE_OF_EACH = "give the second mates, or set own_reads.fastq2 to null for single reads"
APART = "not the mate of the read at this place of fastq1 (mates out of order or missing)"


def key_of(name: bytes) -> int:
    """A 64-bit hash of a fragment's name; equal ones of two names among 10^8 have a chance of 3 in 10,000."""
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")


def fragments(files: list[Fastq], complaints: Complaints) -> Iterator[tuple[Record, ...]]:
    """The reads of each fragment: one of a single file, two of files with mates in the same order.

    Raises nothing by itself: what does not belong together, what is missing or comes again are complaints.
    """
    names = Names(files[0].label, complaints)
    if len(files) == 1:
        singles = Singles(files[0].label, complaints)
        for record in files[0].records():
            names.add(record.name, record.line, again=singles.add(record))
            yield (record,)
        singles.finish()
    else:
        pairs = Pairs(complaints)
        for mates in zip_longest(*(file.records() for file in files)):
            if None in mates:
                _one_ended(files, mates, complaints)
                break
            name = pairs.name_of(mates)
            if name is not None:
                names.add(name, mates[0].line)
                yield mates
        pairs.finish()
    names.finish()


class Names:
    """All names as hashes, 16 bytes a read with its line, to tell which comes again."""

    def __init__(self, label: str, complaints: Complaints) -> None:
        self.label, self.complaints = label, complaints
        self.keys, self.lines = array("Q"), array("q")

    def add(self, name: bytes, line: int, again: bool = False) -> None:
        """Note a name, if it was not complained about already."""
        if not again:
            self.keys.append(key_of(name))
            self.lines.append(line)

    def finish(self) -> None:
        """Complain about names that came again."""
        keys, lines = np.frombuffer(self.keys, np.uint64), np.frombuffer(self.lines, np.int64)
        for line in repeated(keys, lines):
            self.complaints.line(self.label, line, LATER, TWO_FILES)


def repeated(keys: npt.NDArray[np.uint64], lines: npt.NDArray[np.int64]) -> list[int]:
    """Lines, rising, of keys that an earlier line has."""
    order = np.argsort(keys, kind="stable")
    again = order[1:][keys[order][1:] == keys[order][:-1]]
    return sorted(lines[again].tolist())


class Singles:
    """Single reads, and whether they are mates in truth.

    Names that are equal but for a number 1 or 2 at their end are mates, unless other names show that the number is a
    running one (`transcript/3`, `SRR1.3`). One such pair may be chance where the mark is explicit (`transcript/1` and
    `transcript/2` among others); other marks (`SRR1.7.1`, `name_1`) need that half of the file is like that.
    """

    def __init__(self, label: str, complaints: Complaints) -> None:
        self.label, self.complaints = label, complaints
        self.reads, self.numbered = 0, set[bytes]()
        self.last = b""
        self.stems: dict[tuple[bytes, bool], tuple[array[int], array[int]]] = {}  # keys and lines

    def add(self, record: Record) -> bool:
        """Note a read; whether its name is that of the read before."""
        self.reads += 1
        again = record.name == self.last
        self.last = record.name
        if again:
            self.complaints.line(self.label, record.line, AGAIN, TWO_FILES)
            return True
        # most names of a file end in running numbers behind one mark: once is enough to learn that
        if self.numbered and record.name[-1:] not in BOTH and plain(record.name):
            return False
        parts = marked(record.name)
        if parts is None or parts.mark in self.numbered:
            return False
        if parts.mate in BOTH:
            empty = array("Q"), array("q")
            keys, lines = self.stems.setdefault((parts.mark, parts.explicit), empty)
            keys.append(key_of(parts.stem))
            lines.append(record.line)
        else:
            self.numbered.add(parts.mark)
            for explicit in (True, False):
                self.stems.pop((parts.mark, explicit), None)
        return False

    def finish(self) -> None:
        """Complain about mates in one file."""
        for (_, explicit), (keys, lines) in self.stems.items():
            second = repeated(np.frombuffer(keys, np.uint64), np.frombuffer(lines, np.int64))
            sure = len(second) > 1 or self.reads == 2
            most = self.reads > 2 and 4 * len(second) >= self.reads
            for line in second if (sure if explicit else most) else []:
                self.complaints.line(self.label, line, IN_TURN, TWO_FILES)


class Pairs:
    """Pairs one after the other, and whether the files hold first and second mates."""

    def __init__(self, complaints: Complaints) -> None:
        self.complaints = complaints
        self.pairs, self.equal = 0, 0
        self.mark: bytes | None = None  # by which the first pair's names differ

    def name_of(self, mates: tuple[Record, ...]) -> bytes | None:
        """The fragment's name; None where the reads are no mates, which is a complaint."""
        one, two = mates
        both = shared(one.name, two.name)
        self.mark = both[1] if both and self.mark is None else self.mark
        if both is None or both[1] != self.mark:
            self.complaints.line("fastq2", two.line, APART, ONE_ORDER)
            return None
        self.pairs += 1
        self.equal += one.bases == two.bases
        mate = mate_of(one.name, one.comment)
        if mate and mate == mate_of(two.name, two.comment):
            found = f"mate {mate.decode()} of a fragment, and fastq1 has the same mate"
            self.complaints.line("fastq2", two.line, found, ONE_OF_EACH)
        return both[0]

    def finish(self) -> None:
        """Complain where both files hold the same reads."""
        if 2 * self.equal > self.pairs and not self.complaints.total:
            self.complaints.add("fastq2", "the same reads as fastq1", ONE_OF_EACH)


def _one_ended(
    files: list[Fastq], mates: tuple[Record | None, ...], complaints: Complaints
) -> None:
    """One file has ended; a complaint about a damaged one stands already."""
    short = next(number for number, mate in enumerate(mates) if mate is None)
    longer = mates[1 - short]
    if longer is not None and not complaints.total and not complaints.lines:
        found = f"a read without a mate: fastq{short + 1} has ended before"
        complaints.line(
            files[1 - short].label,
            longer.line,
            found,
            "give both files whole, without single mates",
        )
