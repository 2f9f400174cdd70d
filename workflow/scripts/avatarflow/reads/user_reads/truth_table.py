"""The truth table of a user's reads: fragment, is_human, taxon, and optionally part; names are kept as hashes only."""

import hashlib
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

LABEL = "truth"
NEEDED = ("fragment", "is_human", "taxon")
PART = "part"
YES, NO = ("1", "true", "yes", "t", "y"), ("0", "false", "no", "f", "n")
UNKNOWN = "unknown"  # the taxon of a microbe that the table does not name
TRUTH = pa.schema(
    [
        ("fragment", pa.string()),
        ("source", pa.string()),
        ("taxon", pa.string()),
        ("part", pa.string()),
    ]
)

Keys = npt.NDArray[np.uint64]


def key_of(name: bytes) -> int:
    """A 64-bit hash of a fragment's name; equal ones of two names among 10^8 have a chance of 3 in 10,000."""
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")


class OwnTruth:
    """The table, 21 bytes per fragment in memory.

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
        keys, human, labels, places = [], [], [], []
        for line, row in _rows(Path(path), complaints):
            found = self._checked(line, row)
            if found is None:
                continue
            name, is_human, label = found
            keys.append(key_of(name.encode()))
            human.append(is_human)
            labels.append(known.setdefault(label, len(known)))
            places.append(line)
        self.labels = [*known]
        order = np.argsort(np.array(keys, np.uint64), kind="stable")
        self.keys: Keys = np.array(keys, np.uint64)[order]
        self.human = np.array(human, bool)[order]
        self.label = np.array(labels, np.int32)[order]
        self.line = np.array(places, np.int64)[order]
        self.seen = np.zeros(len(order), bool)
        self._twice()

    def _checked(
        self, line: int, row: Mapping[str, Any]
    ) -> tuple[str, bool, tuple[str, str]] | None:
        name, answer = str(row["fragment"] or "").strip(), str(row["is_human"]).strip().lower()
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
        return name, human, (taxon, str(row.get(PART) or "").strip())

    def _twice(self) -> None:
        again = np.flatnonzero(self.keys[1:] == self.keys[:-1]) + 1
        for line in np.sort(self.line[again]):
            found, do = "a fragment that an earlier row has already", "give every fragment one row"
            self.complaints.line(LABEL, int(line), found, do)

    def of(self, names: list[bytes], at: list[int], file: str) -> pa.Table | None:
        """The truth about some fragments of the reads, without their names; None where it is not whole.

        Parameters
        ----------
        names : list of bytes
            As the user calls them.
        at : list of int
            Lines of the FASTQ file, for messages.
        file : str
            What messages call that file.
        """
        keys = np.array([key_of(name) for name in names], np.uint64)
        rows = np.searchsorted(self.keys, keys).clip(max=max(len(self.keys) - 1, 0))
        known = self.keys[rows] == keys if len(self.keys) else np.zeros(len(keys), bool)
        for number in np.flatnonzero(~known):
            found, do = (
                "a fragment that the truth table lacks",
                "add its row, or take the reads out",
            )
            self.complaints.line(file, at[number], found, do)
        if not known.all():
            self.seen[rows[known]] = True
            return None
        first = np.zeros(len(rows), bool)
        first[np.unique(rows, return_index=True)[1]] = True
        for number in np.flatnonzero(self.seen[rows] | ~first):
            self.complaints.line(
                file, at[number], "a fragment's name for the second time", "use every name once"
            )
        self.seen[rows] = True
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
    with opened(path) as file:
        for number, line in lines(file, LABEL):
            cells = line.decode("utf-8", "replace").split("\t")
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
