"""Names of the fragments in a FASTQ file."""

import gzip
from pathlib import Path


def fragment_names(path: str | Path) -> list[str]:
    """Names in the file's order, without what follows a blank; plain or gzip, already checked."""
    with Path(path).open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    with (gzip.open if zipped else open)(path, "rt", encoding="ascii", errors="replace") as file:
        return [
            line[1:].split(maxsplit=1)[0] for number, line in enumerate(file) if number % 4 == 0
        ]
