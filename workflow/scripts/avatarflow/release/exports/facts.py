"""What several exports say of a release: title, description, licence, files, limits."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .interface import Content

KEYWORDS = ("synthetic data", "medical images", "ophthalmology", "privacy")
LICENCES = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc-by-nc-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "cc-by-nc-sa-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
    "cc-by-nd-4.0": "https://creativecommons.org/licenses/by-nd/4.0/",
}
"""Addresses of licences by their hub identifier."""
TYPES = {
    ".parquet": "application/vnd.apache.parquet", ".json": "application/json", ".md": "text/markdown",
    ".png": "image/png", ".dcm": "application/dicom", ".jsonld": "application/ld+json",
    ".safetensors": "application/octet-stream",
}  # fmt: skip
"""Media types by the ends of the names of released files."""
NOT_FOR = "Not for diagnosis, and not as evidence about any population. Do not try to link pictures to persons."


@dataclass(frozen=True)
class File:
    """A released file: path below the folder, bytes, SHA-256, media type."""

    path: str
    size: int
    sha256: str
    media_type: str


def title(content: Content) -> str:
    """Return the title that the card has, too."""
    return str(content.settings["title"] or f"Synthetic pictures: {content.name}")


def description(content: Content) -> str:
    """Return what the data are, in a few sentences."""
    size = content.certificate["asked"]["size_px"]
    return (
        f"{len(content.table)} synthetic pictures of {size} x {size} pixels. None is a photograph: each was drawn by a "
        "generator and accepted by a privacy filter. certificate.json says what was measured, on how many patients, "
        "and what is claimed and what is not."
    )


def licence(content: Content) -> str:
    """Return the licence's address where it is known, else its identifier."""
    name = str(content.settings["licence"])
    return LICENCES.get(name.lower(), name)


def limits(content: Content) -> list[str]:
    """Return what the data must not be used for, and the limits that were declared."""
    return [NOT_FOR, *map(str, content.settings["limits"])]


def claim(content: Content) -> str:
    """Return what is claimed and what is not, as the certificate says it."""
    return " ".join(content.certificate["claim"])


def provenance(content: Content) -> str:
    """Return how the pictures came about."""
    return (
        "A diffusion model (teacher) was trained on the originals. Its pictures were judged by a filter, the cone of "
        "privacy. A student was trained on accepted pictures only; its accepted pictures are the data."
    )


def released_files(folder: Path) -> list[File]:
    """Return every file that lies in the folder now, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [_file(folder, path) for path in paths]


def _file(folder: Path, path: Path) -> File:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    kind = TYPES.get(path.suffix, "text/plain")
    return File(path.relative_to(folder).as_posix(), path.stat().st_size, digest, kind)
