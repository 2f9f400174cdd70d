"""Files that only their owner may read: keys, tokens and lists for the site alone.

Imported while Snakemake parses: standard library only.
"""

import os
import stat
from pathlib import Path

from .errors import refuse
from .paths import PACKAGES


def read_secret(path: Path, where: str) -> bytes:
    """Return the bytes of a file that nobody but its owner can have and that lies outside the project.

    Raises
    ------
    AvatarflowError
        If others may use it, it lies in the working directory or the project, or cannot be read. The
        text holds `where`, and no path.
    """
    folders = Path.cwd(), PACKAGES.parents[1]
    if any(path.resolve().is_relative_to(folder.resolve()) for folder in folders):
        found = "it lies in the working directory or the project, which are copied and archived"
        raise refuse(where, found, "keep it in a folder of its own, outside")
    if not path.is_file():
        raise refuse(where, "no such file", "check the path")
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & 0o077:
                found = f"others than its owner may use it (mode {mode:04o})"
                raise refuse(where, found, "take their rights away: chmod 600")
            return stream.read()
    except OSError:
        raise refuse(where, "it cannot be read", "check its owner and its permissions") from None


def write_secret(path: Path, data: bytes) -> None:
    """Write a file for its owner only, whole or not at all: mode 600 from its first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".writing-{path.name}")
    temporary.unlink(missing_ok=True)  # one of a killed writer, with whatever rights
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
