"""What the exports say of a release of either part: one source of texts, numbers, columns and files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avatarflow.core.digest import file_sha256

LICENCES = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc-by-nc-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "cc-by-nc-sa-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "cc-by-nd-4.0": "https://creativecommons.org/licenses/by-nd/4.0/",
}
"""Addresses of licences by their hub identifier."""
CERTIFICATE = "certificate.json"
CERTIFICATE_MEANING = (
    "What was asked, what was measured, every gate, and what is claimed and what is not."
)
TYPES = {
    ".parquet": "application/vnd.apache.parquet", ".json": "application/json", ".md": "text/markdown",
    ".png": "image/png", ".dcm": "application/dicom", ".jsonld": "application/ld+json",
    ".safetensors": "application/octet-stream", ".gz": "application/gzip",
}  # fmt: skip
"""Media types by the ends of the names of released files."""


@dataclass(frozen=True)
class File:
    """A released file: path below the folder, bytes, SHA-256, media type."""

    path: str
    size: int
    sha256: str
    media_type: str


@dataclass(frozen=True)
class Column:
    """A column of the released tables: its meaning, and its type in Croissant and in CSV on the Web."""

    name: str
    meaning: str
    croissant: str
    csvw: str


@dataclass(frozen=True)
class Format:
    """IANA's media type, code and label in the EU's file types, and the media type of a compression."""

    media_type: str
    file_type: str
    label: str
    compression: str | None = None


@dataclass(frozen=True)
class DataFiles:
    """The files that are the data, all of one format.

    `start` is what their paths start with and those of other files do not. `croissant` is the media type by which
    readers of Croissant know the format.
    """

    start: str
    description: str
    croissant: str
    format: Format


@dataclass(frozen=True)
class Facts:
    """What is known of a release and may be published.

    `records` is the number of pictures or fragments. `individuals` is the number of persons whose data they are, None
    where it is not known. `columns` is empty where the data are no tables. `sample` is the path of a small part to look
    at. `responsible` is Croissant's part on responsible use, and `tools` the programs that took part, with versions.
    """

    name: str
    title: str
    description: str
    keywords: tuple[str, ...]
    limits: tuple[str, ...]
    claim: str
    provenance: str
    population: str
    records: int
    individuals: int | None
    synthetic: bool
    data: DataFiles
    responsible: Mapping[str, Any]
    software: str
    settings_digest: str
    columns: tuple[Column, ...] = ()
    sample: str | None = None
    tools: Mapping[str, str] = field(default_factory=dict)


def licence(settings: Mapping[str, Any]) -> str:
    """Return the licence's address where it is known, else its identifier."""
    name = str(settings["licence"])
    return LICENCES.get(name.lower(), name)


def settings_digest(certificate: Mapping[str, Any]) -> str:
    """Return the SHA-256 of `asked` as JSON with sorted keys and without spaces: anybody can compute it again."""
    text = json.dumps(certificate["asked"], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def released_files(folder: Path, start: str = "") -> list[File]:
    """Return the files that lie in the folder now and whose path starts so, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        _file(folder, path)
        for path in paths
        if path.relative_to(folder).as_posix().startswith(start)
    ]


def _file(folder: Path, path: Path) -> File:
    kind = TYPES.get(path.suffix, "text/plain")
    return File(path.relative_to(folder).as_posix(), path.stat().st_size, file_sha256(path), kind)
