"""The protocol of a withdrawal: canonical JSON that holds its own digest, signed where releases are."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avatarflow.core.digest import file_sha256
from avatarflow.core.paths import read_json, write_bytes
from avatarflow.core.secret_files import write_secret
from avatarflow.release.checksums import SIGNATURE
from avatarflow.release.signing import Signer
from avatarflow.runs.closing_lines import DECISIONS
from avatarflow.runs.history import read_records

from .journal import FOLDER

FORMAT, RERUN_FORMAT = "avatarflow withdrawal 1", "avatarflow rerun after withdrawal 1"
INTERNAL, RERUN = ".internal.json", ".rerun.json"
NOT_REACHED = (
    "copies that somebody downloaded or was given, and models in other hands",
    "backups, snapshots of file systems, and blocks of a disk that are free but not overwritten",
    "the originals themselves, in the archive or the folder that the source names",
    "results of other working directories, and pages or tables that were saved elsewhere",
)


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return JSON in the one form that is hashed: sorted keys, no blanks, ASCII."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii") + b"\n"


def with_digest(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content with `digest`, the SHA-256 of its canonical form without it."""
    bare = {key: value for key, value in content.items() if key != "digest"}
    return {**bare, "digest": hashlib.sha256(canonical(bare)).hexdigest()}


def is_whole(content: Mapping[str, Any]) -> bool:
    """Whether nobody has changed a protocol, or not its digest with it."""
    return bool(with_digest(content)["digest"] == content.get("digest"))


def write_signed(path: Path, content: Mapping[str, Any], signer: Signer | None) -> None:
    """Write a protocol and, where the site has a key, the signature of its bytes beside it."""
    data = canonical(content)
    write_bytes(path, data)
    if signer is not None:
        write_bytes(path.with_name(f"{path.name}{SIGNATURE}"), signer.sign(data))


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Write a list for the site alone, as `write_secret`."""
    write_secret(path, canonical(content))


def waiting(folder: Path = FOLDER) -> list[tuple[Path, dict[str, Any]]]:
    """Return the protocols that have no second half yet."""
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        first_half = path.name.count(".") == 1 and len(path.stem) == 16
        if first_half and not path.with_name(path.stem + RERUN).exists():
            found.append((path, read_json(path)))
    return found


def rerun_of(protocol: Mapping[str, Any], not_looked_at: Sequence[str]) -> dict[str, Any] | None:
    """Return the second half of a protocol: what was made again; None while a decision is still to be made.

    Files are compared by path: a run need not make all that was there before. That no withdrawn patient
    is in the pools is said of the entries that were looked at.
    """
    deleted = [Path(one["path"]) for one in protocol["deleted"]]
    decisions = [
        Path(DECISIONS[map_name].format(map=map_name, name=name))
        for map_name, _, name in (entry.partition("/") for entry in protocol["entries"])
    ]
    if not all(path.is_file() for path in decisions):
        return None
    again = [path for path in deleted if path.is_file()]
    jobs: dict[str, Counter[str]] = {entry: Counter() for entry in protocol["entries"]}
    for record in read_records():
        entry = record.fields["entry"]
        if entry in jobs and record.fields["start_ms"] >= protocol["begun_ms"]:
            jobs[entry][f"{record.fields['kind']}: {record.status.lower()}"] += 1
    content = {
        "format": RERUN_FORMAT,
        "protocol": protocol["digest"],
        "made_again": [{"path": str(path), "sha256": file_sha256(path)} for path in again],
        "not_made_again": sorted({str(path) for path in deleted} - {str(path) for path in again}),
        "jobs": {entry: dict(sorted(counts.items())) for entry, counts in jobs.items()},
        "withdrawn_patients_in_pools": 0,
        "not_looked_at": list(not_looked_at),
    }
    return with_digest(content)
