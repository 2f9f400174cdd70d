"""Where labels and consents of FHIR come from: files that an entry names, or those that a run downloaded.

Imported while Snakemake parses: standard library only.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from avatarflow.core.digest import config_digest
from avatarflow.core.errors import refuse

USES = ("labels", "consents")


def is_given(section: Mapping[str, Any]) -> bool:
    """Whether a part of an entry names FHIR resources: in files, or on a server."""
    return bool(section["files"]) or section.get("server") is not None


@dataclass(frozen=True)
class Place:
    """Where the downloads for one use in one release lie.

    Parameters
    ----------
    name : str
        Of the release.
    use : str
        One of `USES`.
    """

    name: str
    use: str

    @property
    def folder(self) -> Path:
        """The folder of the files."""
        return Path(f"results/state/releases/{self.name}/fhir/{self.use}")

    @property
    def record(self) -> Path:
        """What is kept of them: which searches they are of, and the digest of their content."""
        return Path(f"results/releases/{self.name}/fhir_{self.use}.json")


def last(url: str, searches: Sequence[str], place: Place) -> dict[str, Any]:
    """Return the downloads of the last time; `content` is empty where something else was asked for."""
    content = ""
    try:
        kept: Any = json.loads(place.record.read_text(encoding="utf-8"))
        if kept["asked"] == digest_asked(url.rstrip("/"), searches):
            content = str(kept["content"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no record, or one that says nothing
    return {"files": numbered(place.folder, searches), "content": content}


def files_of(downloads: Mapping[str, Mapping[str, Any]], use: str) -> list[str]:
    """Return the files that were downloaded for a use, none where no server is asked.

    Raises
    ------
    AvatarflowError
        If they are not what they were when the run was planned.
    """
    if use not in downloads:
        return []
    files: list[str] = list(downloads[use]["files"])
    try:
        same = digest_of(files) == downloads[use]["content"]
    except OSError:
        same = False
    if not same:
        found = "the files are gone, or not those of this run"
        raise refuse(f"FHIR server, {use}", found, "start the run again: it asks the server anew")
    return files


def remove(downloads: Mapping[str, Mapping[str, Any]]) -> None:
    """Remove the files of all uses."""
    for folder in {Path(file).parent for part in downloads.values() for file in part["files"]}:
        shutil.rmtree(folder, ignore_errors=True)


def numbered(folder: Path, searches: Sequence[str]) -> list[str]:
    """Return the files of some searches, in their order."""
    return [str(folder / f"{number}.ndjson") for number, _ in enumerate(searches, start=1)]


def digest_of(files: Sequence[str]) -> str:
    """Return a digest of the lines of each file, blind to their order, in which a server may be free."""
    sums = []
    for file in files:
        total = 0
        with Path(file).open("rb") as stream:
            for line in stream:
                total += int.from_bytes(sha256(line).digest(), "big")
        sums.append(f"{total:x}")
    return config_digest(sums)


def digest_asked(url: str, searches: Sequence[str]) -> str:
    """Return a digest of what is asked of which server."""
    return config_digest([url, list(searches)])
