"""Where things lie, and writing them so that nothing is ever half-written.

Imported while Snakemake parses: standard library only.
"""

import glob
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PACKAGES = Path(__file__).resolve().parents[2]
"""The folder that this package is imported from."""


def environment_for_package() -> dict[str, str]:
    """Return this process's environment, in which another Python process can import this package."""
    paths = [str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def data_path(path: str, data_root: str | None) -> str:
    """Return a path from the config as a usable one.

    Absolute paths stay; relative ones start at `data_root`, else at `AVATARFLOW_DATA`, else at the working directory.
    """
    root = data_root or os.environ.get("AVATARFLOW_DATA") or ""
    return str(Path(root) / path) if root else path


def _prefix(target: Path) -> str:
    return f".writing-{target.name}-"


def _remove_leftovers(target: Path) -> None:
    """Remove what a killed writer of this target left: it may hold pictures of a patient who has withdrawn.

    A target has one writer at a time.
    """
    for path in target.parent.glob(f"{glob.escape(_prefix(target))}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _permitted(mode: int) -> int:
    """Return a mode less what the user's umask takes away; temporary files are made for their owner only."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mode & ~mask


@contextmanager
def replacing(target: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name and rename it when the block ends well.

    >>> with replacing("table.csv") as path:  # doctest: +SKIP
    ...     frame.to_csv(path)
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=_prefix(target), suffix=target.suffix)
    os.close(handle)
    path = Path(name)
    try:
        yield path
        path.chmod(_permitted(0o666))
        with path.open("rb") as written:
            # a rename before the bytes are on disk survives a crash as an empty file
            os.fsync(written.fileno())
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def replacing_folder(target: str | Path) -> Iterator[Path]:
    """As `replacing`, for a whole folder; an older folder of that name is replaced."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    path = Path(tempfile.mkdtemp(dir=target.parent, prefix=_prefix(target)))
    try:
        yield path
        path.chmod(_permitted(0o777))
        if target.exists():
            shutil.rmtree(target)
        path.rename(target)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def read_json(path: str | Path) -> Any:
    """Return the content of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_json(target: str | Path, value: Any, allow_nan: bool = True) -> None:
    """Write plain values as JSON with sorted keys, whole or not at all.

    Raises
    ------
    ValueError
        If a number is not finite and `allow_nan` is False.
    """
    write_text(target, json.dumps(value, indent=1, sort_keys=True, allow_nan=allow_nan) + "\n")


def write_text(target: str | Path, text: str) -> None:
    """Write a text in UTF-8, whole or not at all."""
    write_bytes(target, text.encode())


def write_bytes(target: str | Path, content: bytes) -> None:
    """Write bytes, whole or not at all."""
    with replacing(target) as path:
        path.write_bytes(content)


def write_figure(target: str | Path, figure: Any, dpi: int) -> None:
    """Write a figure of matplotlib as PNG, whole or not at all."""
    write_bytes(target, png(figure, dpi))


def png(figure: Any, dpi: int) -> bytes:
    """Return a figure of matplotlib as PNG, without the version that drew it."""
    stream = io.BytesIO()
    figure.savefig(stream, dpi=dpi, format="png", metadata={"Software": None})
    return stream.getvalue()
