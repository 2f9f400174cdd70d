"""What is written of an item: the table as plain values, what it was made of, and digests of both."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avatarflow.core.digest import config_digest, file_sha256
from avatarflow.core.results import clean

from .items.interface import Item

FORMAT = 1
MARK = ".snakemake_timestamp"
"""Snakemake's own mark in folders that it made."""


def document(
    name: str, kind: str, settings: str, item: Item, sources: Mapping[str, str]
) -> dict[str, Any]:
    """Return an item's data as a JSON-able value.

    Parameters
    ----------
    name, kind : str
    settings : str
        Digest of the part of the configuration that the item depends on.
    item : Item
    sources : mapping of path to digest
        The files that it was made of.

    Raises
    ------
    ValueError
        If two rows have equal names, or a row has another number of cells than there are columns.
    """
    names = [tuple(row[: item.keys]) for row in item.rows]
    if len(set(names)) < len(names):
        raise ValueError(f"{name}: two rows of one name; let the first {item.keys} columns differ")
    if any(len(row) != len(item.columns) for row in item.rows):
        raise ValueError(f"{name}: rows of another length than the head; give a cell per column")
    measured = {"columns": list(item.columns), "keys": item.keys, "rows": [list(row) for row in item.rows]}  # fmt: skip
    plain: dict[str, Any] = clean({"table": measured})
    return {
        "format": FORMAT,
        "item": name,
        "kind": kind,
        "config_digest": settings,
        "data_digest": config_digest(plain),
        "picture_sha256": hashlib.sha256(item.figure).hexdigest(),
        "alt": item.alt,
        "remarks": list(item.remarks),
        "sources": dict(sources),
        **plain,
    }


def digests_of(paths: Sequence[str]) -> dict[str, str]:
    """Return the SHA-256 of each file, and of a folder that of the names and digests of its files."""
    return {path: _digest(Path(path)) for path in sorted(set(paths))}


def _digest(path: Path) -> str:
    if not path.is_dir():
        return file_sha256(path)
    files = sorted(one for one in path.rglob("*") if one.is_file() and one.name != MARK)
    lines = [f"{file_sha256(one)}  {one.relative_to(path).as_posix()}\n" for one in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
