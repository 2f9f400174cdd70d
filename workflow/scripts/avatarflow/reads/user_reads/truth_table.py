"""The truth table of a user's reads: fragment, is_human, taxon, and optionally part; names are kept as hashes only."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from avatarflow.core.errors import refuse
from avatarflow.core.file_problems import Complaints
from avatarflow.reads.genomes.genome import lines, opened
from avatarflow.reads.simulation.mixture import HOST

from .mates import key_of
from .names import shared, without_mate

LABEL = "truth"
NEEDED = ("fragment", "is_human", "taxon")
PART = "part"
YES, NO = ("1", "true", "yes", "t", "y"), ("0", "false", "no", "f", "n")
UNKNOWN = "unknown"  # the taxon of a microbe that the table does not name
HUMANS = {HOST, "homo sapiens", "h. sapiens", "homo_sapiens", "9606"}
"""Taxa, in lower case, that only human fragments have."""
TRUTH = pa.schema(
    [
        ("fragment", pa.string()),
        ("source", pa.string()),
        ("taxon", pa.string()),
        ("part", pa.string()),
    ]
)

Keys = npt.NDArray[np.uint64]


def name_key(name: bytes) -> int:
    """Hash of a name, the same whether a file writes its letters as UTF-8 or Latin-1."""
    return key_of(name if name.isascii() else text_of(name).encode())


def text_of(line: bytes) -> str:
    """UTF-8 where it is that, else Latin-1."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


class OwnTruth:
    """The table, 37 bytes per fragment in memory.

    A fragment is looked up by the names of its reads as the FASTQ files have them, and then without /1 and /2 on either
    side: a table may name fragments or reads, and may have a row for each mate.

    Parameters
    ----------
    path : path
        Parquet, or text with tabs between columns and their names in the first line (plain, gzip or xz).
    complaints : Complaints
        Gets every problem, with its line (Parquet: its row).
    """

    def __init__(self, path: str | Path, complaints: Complaints) -> None:
        self.complaints = complaints
        self.labels: list[tuple[str, str]] = []  # taxon and part by number
        known: dict[tuple[str, str], int] = {}
        keys, stems, human, labels, places = [], [], [], [], []
        for line, row in _rows(Path(path), complaints):
            found = self._checked(line, row)
            if found is None:
                continue
            name, is_human, label = found
            keys.append(key_of(name.encode()))
            stems.append(key_of(without_mate(name.encode())))
            human.append(is_human)
            labels.append(known.setdefault(label, len(known)))
            places.append(line)
        self.labels = [*known]
        order = np.argsort(np.array(keys, np.uint64), kind="stable")
        self.keys: Keys = np.array(keys, np.uint64)[order]
        self.human = np.array(human, bool)[order]
        self.label = np.array(labels, np.int32)[order]
        self.line = np.array(places, np.int64)[order]
        self.stems: Keys = np.array(stems, np.uint64)[order]
        self.by_stem = np.argsort(self.stems, kind="stable")
        self.sorted_stems = self.stems[self.by_stem]
        self.seen = np.zeros(len(order), bool)
        self._twice()

    def _checked(
        self, line: int, row: Mapping[str, Any]
    ) -> tuple[str, bool, tuple[str, str]] | None:
        # a head as a whole, with or without its @, is named by its first word
        words = str(row["fragment"] or "").strip().removeprefix("@").split(maxsplit=1)
        name, answer = words[0] if words else "", str(row["is_human"]).strip().lower()
        if not name:
            self.complaints.line(LABEL, line, "a row without a fragment", "name every fragment")
        if answer not in YES + NO:
            self.complaints.line(
                LABEL, line, "is_human is neither yes nor no", "write 1 or 0, or true or false"
            )
        if not name or answer not in YES + NO:
            return None
        human = answer in YES
        taxon = HOST if human else str(row["taxon"] or "").strip() or UNKNOWN
        if not human and taxon.lower() in HUMANS:
            found = "the taxon is human, and is_human says no"
            self.complaints.line(LABEL, line, found, "name the microbe, or correct is_human")
        return name, human, (taxon, str(row.get(PART) or "").strip())

    def _twice(self) -> None:
        again = np.flatnonzero(self.keys[1:] == self.keys[:-1]) + 1
        for line in np.sort(self.line[again]):
            found, do = "a fragment that an earlier row has already", "give every fragment one row"
            self.complaints.line(LABEL, int(line), found, do)

    def of(self, names: list[tuple[bytes, ...]], at: list[int], file: str) -> pa.Table | None:
        """The truth about some fragments of the reads, without their names; None where it is not whole.

        Parameters
        ----------
        names : list of tuple of bytes
            Per fragment the names of its reads, as the user calls them.
        at : list of int
            Lines of the FASTQ file, for messages.
        file : str
            What messages call that file.
        """
        found = self._rows_of_all(names)
        for number, mine in enumerate(found):
            if not mine:
                self.complaints.line(
                    file,
                    at[number],
                    "a fragment that the truth table lacks",
                    "add its row, or take the reads out",
                )
                continue
            if self.seen[mine].any():
                self.complaints.line(
                    file, at[number], "a fragment's name for the second time", "use every name once"
                )
            self.seen[mine] = True
            if len({(bool(self.human[row]), int(self.label[row])) for row in mine}) > 1:
                self.complaints.line(
                    file,
                    at[number],
                    "a fragment whose mates the truth table calls differently",
                    "give both mates the same is_human, taxon and part",
                )
        if not all(found):
            return None
        rows = [mine[0] for mine in found]
        labels = [self.labels[number] for number in self.label[rows]]
        source = np.where(self.human[rows], HOST, "microbe")
        columns = [source, [taxon for taxon, _ in labels], [part for _, part in labels]]
        names_of = TRUTH.names[1:]
        return pa.table(
            {
                name: pa.array(column, pa.string())
                for name, column in zip(names_of, columns, strict=True)
            }
        )

    def _rows_of_all(self, names: list[tuple[bytes, ...]]) -> list[list[int]]:
        """Rows of each fragment: at once where all its reads have one name and the table has it once."""
        keys = np.array([name_key(reads[0]) for reads in names], np.uint64)
        first = np.searchsorted(self.keys, keys)
        once = np.searchsorted(self.keys, keys, "right") == first + 1
        return [
            [row] if single and len(set(reads)) == 1 else self._rows_of(reads)
            for reads, row, single in zip(names, first.tolist(), once.tolist(), strict=True)
        ]

    def _rows_of(self, reads: tuple[bytes, ...]) -> list[int]:
        """Rows of one fragment: those with its reads' names, else those with what these names share."""
        keys = {name_key(name) for name in reads}
        rows = [row for key in sorted(keys) for row in self._range(self.keys, key)]
        if rows:
            return rows
        both = shared(*reads) if len(reads) == 2 else None
        stem = name_key(without_mate(both[0] if both else reads[0]))
        return [int(self.by_stem[row]) for row in self._range(self.sorted_stems, stem)]

    @staticmethod
    def _range(keys: Keys, key: int) -> range:
        word = np.uint64(key)
        return range(int(np.searchsorted(keys, word)), int(np.searchsorted(keys, word, "right")))

    def finish(self) -> None:
        """Complain about rows whose fragment is in no file."""
        for line in np.sort(self.line[~self.seen]):
            self.complaints.line(
                LABEL, int(line), "a fragment that is not in the reads", "take the row out"
            )


def _rows(path: Path, complaints: Complaints) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if not path.is_file():
        raise refuse(LABEL, "no such file", "give the path of an existing file")
    with path.open("rb") as raw:
        parquet = raw.read(4) == b"PAR1"
    return _parquet_rows(path) if parquet else _text_rows(path, complaints)


def _parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise refuse(LABEL, "the Parquet file is truncated or damaged", "fetch it again") from error
    columns = _columns(file.schema_arrow.names, 1)
    number = 0
    for batch in file.iter_batches(columns=columns):
        for row in batch.to_pylist():
            number += 1
            yield number, row


def _text_rows(path: Path, complaints: Complaints) -> Iterator[tuple[int, Mapping[str, Any]]]:
    columns: list[str] = []
    with opened(path, LABEL) as file:
        for number, line in lines(file, LABEL):
            cells = [cell.strip('"') for cell in text_of(line).split("\t")]
            if number == 1:
                columns = cells
                _columns(columns, 1)
            elif len(cells) != len(columns):
                if line.strip():
                    found = "not as many columns as the first line names"
                    complaints.line(
                        LABEL, number, found, "put a tab between columns, and fill every row"
                    )
            else:
                yield number, dict(zip(columns, cells, strict=True))


def _columns(found: list[str], line: int) -> list[str]:
    lacking = [name for name in NEEDED if name not in found]
    if lacking:
        do = f"name the columns {', '.join(NEEDED)} (and {PART}, if you like) in the first line, with tabs between"
        raise refuse(f"{LABEL} line {line}", f"no column {', '.join(lacking)}", do)
    return [name for name in (*NEEDED, PART) if name in found]
