"""Read run records back: what each job did, and how it ended."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .records import FOLDER, is_alive

NOT_RUNS = {
    "track"
}  # the import of records is no experiment, and a second import must change nothing


@dataclass(frozen=True)
class Record:
    """One job as it was recorded.

    `status` is RUNNING, FINISHED, FAILED or KILLED; `end_ms` is when it ended or gave its last sign of life; `digest`
    changes with anything in it; `artifacts` are the files that are still this job's.
    """

    id: str
    digest: str
    status: str
    end_ms: int
    fields: dict[str, Any]
    metrics: tuple[dict[str, Any], ...]
    artifacts: tuple[Path, ...]


def read_records(folder: Path = FOLDER) -> list[Record]:
    """Return all run records by start time; a job that never wrote its end and lives no longer is KILLED."""
    read = (_read(path) for path in folder.glob("*.json"))
    records = sorted(
        (one for one in read if one.fields["kind"] not in NOT_RUNS), key=lambda one: one.id
    )
    newest = {
        path: one.id for one in records for path in one.artifacts
    }  # a later job's bytes are not an earlier one's
    return [
        replace(one, artifacts=tuple(path for path in one.artifacts if newest[path] == one.id))
        for one in records
    ]


def _read(path: Path) -> Record:
    measured = path.with_suffix(".metrics.jsonl")
    # asked first: a job that ends between the two looks is left for the next import
    alive = is_alive(measured)
    text = path.read_bytes()
    lines = measured.read_bytes() if measured.is_file() else b""
    fields = json.loads(text)
    status = "KILLED" if fields["status"] == "RUNNING" and not alive else fields["status"]
    last_sign_ms = int(
        max(file.stat().st_mtime for file in (path, measured) if file.is_file()) * 1000
    )
    return Record(
        id=fields["id"],
        digest=hashlib.sha256(b"\0".join((status.encode(), text, lines))).hexdigest()[:16],
        status=status,
        end_ms=fields.get("end_ms", last_sign_ms),
        fields=fields,
        metrics=tuple(_whole_lines(lines)),
        artifacts=tuple(dict.fromkeys(Path(name) for name in fields["artifacts"])),
    )


def _whole_lines(lines: bytes) -> Iterator[dict[str, Any]]:
    for line in lines.splitlines():
        with suppress(json.JSONDecodeError):  # the last line of a killed job may be cut
            yield json.loads(line)
