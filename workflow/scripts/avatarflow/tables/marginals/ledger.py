"""The ledger of what was measured with noise: what it cost, and the noisy counts, so that a rerun costs nothing.

It is a file of the site, outside of the working directory, since whatever lies there may be deleted and made again, and
every new measurement tells more of the same patients. It is internal: a line names its entry and holds a digest of the
true counts.

Imported while Snakemake plans: standard library and the core only.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from avatarflow.core.errors import refuse
from avatarflow.core.secret_files import read_secret

NUMBERS = ("rho", "epsilon", "delta")


@dataclass
class Ledger:
    """The lines of an open ledger, each a measurement with `entry`, `identity`, `rho`, `epsilon`, `delta`, `counts`."""

    lines: list[dict[str, Any]]
    stream: BinaryIO

    @property
    def rho(self) -> float:
        """What all measurements cost together."""
        return float(sum(line["rho"] for line in self.lines))

    def counts(self, identity: str) -> list[list[int]] | None:
        """Return the noisy counts of an earlier measurement of the same data in the same way."""
        for line in self.lines:
            if line["identity"] == identity:
                counts: list[list[int]] = line["counts"]
                return counts
        return None

    def append(self, line: dict[str, Any]) -> None:
        """Write a measurement down; it is on the disk before anything is made of it."""
        self.stream.seek(0, os.SEEK_END)
        self.stream.write(json.dumps(line, sort_keys=True).encode() + b"\n")
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self.lines.append(line)


def check_ledger(path: str, where: str) -> list[dict[str, Any]]:
    """Return the lines of a ledger.

    Raises
    ------
    AvatarflowError
        If there is none (an empty file is one), others may use it, it lies in the project, or a line cannot be read:
        what was spent is not known then.
    """
    if not Path(path).is_file():
        found = "no such file, and without it nobody knows what was spent"
        raise refuse(where, found, "bring it back, or make an empty one: (umask 077; touch ...)")
    return _lines(read_secret(Path(path), where), where)


def _lines(content: bytes, where: str) -> list[dict[str, Any]]:
    lines = []
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        try:
            read = json.loads(line)
            usable = all(read[key] > 0 for key in NUMBERS) and read["counts"] and read["identity"]
        except (ValueError, KeyError, TypeError):
            usable = False
        if not usable or not line.endswith(b"\n"):
            found = f"line {number} is no measurement, so nobody knows what was spent"
            raise refuse(where, found, "bring a whole copy back")
        lines.append(read)
    return lines


@contextmanager
def opened(path: str, where: str) -> Iterator[Ledger]:
    """Open a ledger for one job at a time.

    Raises
    ------
    AvatarflowError
        As `check_ledger`; also if another file took its place meanwhile, which would lose what is written.
    """
    check_ledger(path, where)
    with Path(path).open("r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        _same_file(path, stream, where)
        yield Ledger(_lines(stream.read(), where), stream)
        _same_file(path, stream, where)


def _same_file(path: str, stream: BinaryIO, where: str) -> None:
    try:
        same = os.path.samestat(Path(path).stat(), os.fstat(stream.fileno()))
    except OSError:
        same = False
    if not same:
        found = "another file took its place while a job used it"
        raise refuse(
            where, found, "look for what copies or renames it, and bring the right one back"
        )
