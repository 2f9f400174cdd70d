"""What is known of patients while their files are read: on disk, in a file without a name."""

import os
import sqlite3
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from avatarflow.core.errors import refuse

CACHE_KIB = 4096
NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR")
"""How the names of SQLite's errors begin where a disk is full or fails."""


class Database:
    """Tables in a file without a name: it vanishes with the process, also where that is killed.

    Its methods raise an `AvatarflowError` where the disk is full or fails.

    Texts are kept as bytes, since JSON may hold half a surrogate pair, which SQLite's texts may not.

    Parameters
    ----------
    folder : path or None
        Where the file lies; the system's folder for temporary files where None.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self._folder = folder or tempfile.gettempdir()
        handle, name = tempfile.mkstemp(dir=self._folder)  # mode 0600
        try:
            os.close(handle)
            # without locks, which some file systems of clusters lack: nobody else can open it
            uri = f"file:{quote(name)}?vfs=unix-none"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        finally:
            Path(name).unlink()
        weakref.finalize(self, self._connection.close)
        self._connection.executescript(
            f"PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -{CACHE_KIB}; BEGIN"
        )

    def tables(self, statements: str) -> None:
        """Make tables: statements with a semicolon after each."""
        for statement in statements.split(";"):
            self._connection.execute(statement)

    def run(self, statement: str, *values: Any) -> None:
        """Run one statement that changes something."""
        self._execute(statement, values)

    def rows(self, statement: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that are asked for; the tables that they come from must not change meanwhile."""
        for row in self._execute(statement, values):
            yield tuple(
                cell.decode("utf-8", "surrogatepass") if isinstance(cell, bytes) else cell
                for cell in row
            )

    def row(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        """Return the first row that is asked for; None where there is none."""
        return next(self.rows(statement, *values), None)

    def end(self) -> None:
        """End the writing, before processes are forked that hold the file, too."""
        self._execute("COMMIT", ())

    def _execute(self, statement: str, values: Iterable[Any]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, _kept(values))
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith(NO_ROOM):
                raise
            found = f"what they say cannot be kept on disk while they are read ({error})"
            raise refuse("FHIR files", found, f"make room in {self._folder}") from None


class Groups:
    """Which numbers belong together: 4 bytes each."""

    def __init__(self) -> None:
        self._parents = array("i")

    def __len__(self) -> int:
        return len(self._parents)

    def add(self) -> int:
        """Return a new number, which belongs to nothing yet."""
        self._parents.append(len(self._parents))
        return len(self._parents) - 1

    def first(self, number: int) -> int:
        """Return the number that stands for all that belong to this one."""
        parents = self._parents
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    def join(self, number: int, *others: int) -> None:
        """Let numbers belong together."""
        for other in others:
            one, two = self.first(number), self.first(other)
            self._parents[max(one, two)] = min(one, two)


def _kept(values: Iterable[Any]) -> list[Any]:
    return [
        value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        for value in values
    ]
