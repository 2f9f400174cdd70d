"""Genomes as arrays of base codes; FASTA in (plain or compressed; validated) and out; random genomes with repeats."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from avatarflow.core.arrays import Codes, Integers
from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing
from avatarflow.reads.files import DAMAGED, FETCH, kind_of, unpacked

LETTERS: Codes = np.frombuffer(b"ACGTN", np.uint8)
N = 4
BAD = 255
LINE_BP = 80
CHUNK_LINES = 1 << 16  # written at once


def _table() -> Codes:
    """Byte to code: ACGT (U is T) in either case, every other IUPAC letter is N, all else is BAD."""
    table = np.full(256, BAD, np.uint8)
    for letter in "NRYSWKMBDHV":
        table[[ord(letter), ord(letter.lower())]] = N
    for code, letters in enumerate(("Aa", "Cc", "Gg", "TtUu")):
        table[[ord(letter) for letter in letters]] = code
    return table


CODE_OF = _table()
# bytes.translate: an index would take 8 bytes a base
TO_CODE, TO_LETTER = CODE_OF.tobytes(), LETTERS.tobytes().ljust(256, b"N")


@dataclass(frozen=True)
class Genome:
    """Contigs one after the other: `codes` (total,) uint8 with 0..3 = ACGT and 4 = N; `starts` (contigs + 1,)."""

    names: tuple[str, ...]
    codes: Codes
    starts: Integers

    @classmethod
    def of(cls, contigs: Iterable[tuple[str, Codes]]) -> "Genome":
        """From (name, codes) pairs."""
        pairs = list(contigs)
        starts = np.cumsum([0, *(len(codes) for _, codes in pairs)], dtype=np.int64)
        codes = np.concatenate([codes for _, codes in pairs]) if pairs else np.zeros(0, np.uint8)
        return cls(tuple(name for name, _ in pairs), codes, starts)

    def contig(self, number: int) -> Codes:
        """Codes of one contig, a view."""
        return self.codes[self.starts[number] : self.starts[number + 1]]

    def contigs(self) -> Iterator[tuple[str, Codes]]:
        """All (name, codes) pairs."""
        return ((name, self.contig(number)) for number, name in enumerate(self.names))


@contextmanager
def opened(path: str | Path, label: str | None = None) -> Iterator[IO[bytes]]:
    """A text for reading, decompressed by what its first bytes say; `label` stands in messages for the path.

    Raises
    ------
    AvatarflowError
        If there is no such file, or it is known to be no text.
    """
    path, label = Path(path), label or str(path)
    if not path.is_file():
        raise refuse(label, "no such file", "give the path of an existing file")
    with path.open("rb") as raw:
        try:
            file = unpacked(raw)
            kind = kind_of(file)
        except DAMAGED as error:
            found = "the compressed file is truncated or damaged here"
            raise refuse(f"{label} line 1", found, FETCH) from error
        if kind:
            raise refuse(label, *kind)
        yield file


def lines(file: IO[bytes], path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines without line ends (LF or CRLF); a file cut short inside its compression is refused."""
    number = 0
    try:
        for number, line in enumerate(file, start=1):
            yield number, line.rstrip(b"\r\n")
    except DAMAGED as error:
        where = f"{path} line {number + 1}"
        raise refuse(where, "the compressed file is truncated or damaged here", FETCH) from error


def read_fasta(path: str | Path) -> Genome:
    """Read and check a FASTA file (plain, gzip, bzip2, xz or zstd; lower case becomes upper, IUPAC codes become N).

    Parameters
    ----------
    path : path

    Returns
    -------
    Genome
        Names are the first words of the headers.

    Raises
    ------
    AvatarflowError
        No record, text before the first header, a name missing or used twice, a record without sequence, a character
        that is no base, compression that ends too early; the message names file and line.
    """
    contigs: dict[str, Codes] = {}
    with opened(path) as file:
        name, start, parts = None, 0, []
        for number, line in itertools.chain(lines(file, path), [(-1, b">")]):
            if not line.startswith(b">"):
                if name is None and line.strip():
                    raise refuse(
                        f"{path} line {number}",
                        "sequence before the first header",
                        "give a FASTA file",
                    )
                parts.append(line)
                continue
            if name is not None:
                contigs[name] = _encoded(parts, path, start)
            if number > 0:
                name, start, parts = _name(line, contigs, f"{path} line {number}"), number, []
    if not contigs:
        raise refuse(
            f"{path} line 1", "no FASTA record", "give a FASTA file with at least one sequence"
        )
    return Genome.of(contigs.items())


def _name(line: bytes, known: Iterable[str], where: str) -> str:
    words = line[1:].decode("utf-8", "replace").split()
    if not words:
        raise refuse(where, "a header without a name", "name every sequence")
    if words[0] in known:
        raise refuse(where, f"the name {words[0]!r} a second time", "use every name once")
    return words[0]


def _encoded(parts: list[bytes], path: str | Path, header_line: int) -> Codes:
    codes = np.frombuffer(b"".join(parts).translate(TO_CODE), np.uint8)
    if not len(codes):
        raise refuse(
            f"{path} line {header_line}",
            "a record without sequence (truncated file?)",
            "fetch the file again",
        )
    if BAD in codes:
        line = next(i for i, part in enumerate(parts) if BAD in part.translate(TO_CODE))
        raise refuse(
            f"{path} line {header_line + 1 + line}",
            "a character that is no base",
            "repair the sequence",
        )
    return codes


def write_fasta(path: str | Path, genome: Genome) -> None:
    """Write plain FASTA, 80 bases a line, atomically."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        for name, codes in genome.contigs():
            file.write(f">{name}\n".encode())
            for start in range(0, len(codes), CHUNK_LINES * LINE_BP):
                _write_lines(file, codes[start : start + CHUNK_LINES * LINE_BP])


def _write_lines(file: IO[bytes], codes: Codes) -> None:
    text = codes.tobytes().translate(TO_LETTER)
    whole = len(text) // LINE_BP * LINE_BP
    rows = np.full((whole // LINE_BP, LINE_BP + 1), ord("\n"), np.uint8)
    rows[:, :LINE_BP] = np.frombuffer(text[:whole], np.uint8).reshape(-1, LINE_BP)
    file.write(rows.tobytes())
    if whole < len(text):
        file.write(text[whole:] + b"\n")


def cut(genome: Genome, region: str) -> Genome:
    """One region (`contig:first-last`, 1-based, inclusive) as a genome whose contig is named `contig_first_last`.

    Raises
    ------
    AvatarflowError
        If the contig is not there or the region does not lie within it.
    """
    name, _, span = region.rpartition(":")
    first, last = (int(text) for text in span.split("-"))
    length = len(genome.contig(genome.names.index(name))) if name in genome.names else 0
    if not 1 <= first <= last <= length:
        found = f"{region!r} is not within the genome ({name!r} has {length} bases)"
        raise refuse("reference.region", found, "give contig:first-last inside the FASTA file")
    codes = genome.contig(genome.names.index(name))[first - 1 : last]
    return Genome.of([(f"{name}_{first}_{last}", codes)])
