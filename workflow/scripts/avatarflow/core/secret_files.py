"""Files that only their owner may read, and that no copy of the project may hold: keys and tokens.

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
