"""The folders of `avatarflow clean`: the run's work folder, and OUT, which is there whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing_folder
from avatarflow.runs.closing_lines import UNREADABLE, read_decision

MADE_BY = ".avatarflow-clean"
"""In OUT: the digest of the command that made it."""
WORK_MARK = ".avatarflow-work"
"""In a work folder: it is one, and may be removed. Whoever holds its lock runs in it."""


def decided(out: Path, digest: str) -> bool:
    """Return whether OUT has the decision of this command."""
    try:
        made_by = (out / MADE_BY).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return False
    decision, _ = read_decision(out / "certificate.json")
    return made_by == digest and decision not in UNREADABLE


def may_be_made(folder: Path) -> bool:
    """Return whether a folder, or what is missing of its path, can be made and renamed."""
    parent = folder.parent
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    return parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)


def is_free(folder: Path) -> bool:
    """Return whether a path is not taken, or an empty folder."""
    if folder.is_dir():
        return not any(folder.iterdir())
    return not os.path.lexists(folder)


@contextmanager
def locked(work: Path) -> Iterator[int]:
    """Make the work folder where it is missing and hold its lock; yields the lock's file descriptor.

    A process that inherits the descriptor holds the lock on, so that a run whose command was killed is still seen.

    Raises
    ------
    AvatarflowError
        If it cannot be made, or a run of another command is going on in it.
    """
    try:
        work.mkdir(parents=True, exist_ok=True, mode=0o700)  # human reads lie in it
        mark = (work / WORK_MARK).open("a")
    except OSError as error:
        found = f"cannot be made: {error.strerror}"
        raise refuse("--work", found, "name another folder") from None
    with mark as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise refuse(
                "--work",
                "another run is going on in it",
                "wait for it, or name another folder",
            ) from None
        yield file.fileno()


def deliver(results: Path, out: Path, digest: str) -> None:
    """Put what the workflow made into OUT, all of it at once.

    Parameters
    ----------
    results : Path
        The workflow's folder of the release.
    out : Path
        Not there, or an empty folder, or one that an earlier delivery made.
    digest : str
        Of the command.
    """
    with replacing_folder(out) as target:
        shutil.copytree(results, target, dirs_exist_ok=True)
        (target / MADE_BY).write_text(f"{digest}\n", encoding="utf-8")
