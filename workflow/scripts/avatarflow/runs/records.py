"""Run records: what one job did, as a small JSON and a JSONL of metrics, for one serial import into MLflow.

Jobs never write to the MLflow store themselves: many writers on one SQLite file lock and race.
"""

import contextlib
import fcntl
import json
import math
import os
import resource
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from .live import Live, is_live

FOLDER = Path("results/records")


class Run:
    """The record of one job, written while it runs.

    Parameters
    ----------
    kind : str
        The rule's name, for instance `"finetune"`.
    entry : str
        The config entry it belongs to, `"releases/demo"`; becomes the MLflow experiment.
    folder : Path or None
        Where records lie; None keeps everything in memory (tests, notebooks).
    tracking_uri : str or None
        An MLflow server to log to at the same time; anything else is left to the import.
    """

    def __init__(
        self, kind: str, entry: str, folder: Path | None = None, tracking_uri: str | None = None
    ) -> None:
        self.id = f"{int(time.time() * 1000):013d}-{kind}-{uuid.uuid4().hex[:8]}"
        self.folder = folder
        self.started = time.time()
        self.metrics: list[dict[str, Any]] = []
        self.record: dict[str, Any] = {
            "id": self.id,
            "kind": kind,
            "entry": entry,
            "status": "RUNNING",
            "start_ms": int(self.started * 1000),
            "git_commit": git_commit(),
            "host": socket.gethostname(),
            "slurm_job": os.environ.get("SLURM_JOB_ID", ""),
            "params": {},
            "artifacts": [],
        }
        self._lines = None if folder is None else _locked(folder / f"{self.id}.metrics.jsonl")
        self._save()
        self._live = (
            Live(tracking_uri, self.record) if tracking_uri and is_live(tracking_uri) else None
        )

    @classmethod
    def null(cls) -> "Run":
        """Return a run that is recorded nowhere."""
        return cls("null", "none/none")

    def params(self, values: Mapping[str, Any], prefix: str = "") -> None:
        """Note parameters; nested mappings become dotted names. Never pass personal values."""
        for name, value in values.items():
            if isinstance(value, Mapping):
                self.params(value, f"{prefix}{name}.")
            else:
                self.record["params"][f"{prefix}{name}"] = value
        if not prefix:
            self._save()

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """Note one measured number at one step; non-finite values are kept as they are named."""
        row: dict[str, Any] = {"name": name, "value": float(value), "step": int(step)}
        row["time_ms"] = int(time.time() * 1000)
        self.metrics.append(row)
        if self._lines is not None:
            if not math.isfinite(row["value"]):
                row = {**row, "value": str(row["value"])}
            self._lines.write(json.dumps(row) + "\n")
        if self._live is not None:
            self._live.metric(row)

    def progress(self, done: int, total: int, unit: str, left_s: float) -> None:
        """Note how far the work is, for whoever asks while it runs; `left_s` is NaN while nothing is done."""
        now_ms = int(time.time() * 1000)
        left = round(left_s, 1) if math.isfinite(left_s) else None
        self.record["progress"] = {
            "done": done,
            "total": total,
            "unit": unit,
            "left_s": left,
            "time_ms": now_ms,
        }
        self._save()

    def artifact(self, path: str | Path) -> None:
        """Name a file to be kept with the run (figures, tables without personal data)."""
        self.record["artifacts"].append(str(path))
        self._save()

    def finish(self, status: str, error: str = "") -> None:
        """Close the record: FINISHED, FAILED or KILLED, with wall time and peak memory."""
        self.record.update(
            status=status,
            error=error,
            end_ms=int(time.time() * 1000),
            wall_s=round(time.time() - self.started, 3),
            peak_mb=round(_peak_mb(), 1),
        )
        if (on_gpu := _gpu_peak_mb()) is not None:
            self.record["gpu_peak_mb"] = round(on_gpu, 1)
        self._save()
        if self._lines is not None:
            self._lines.close()
        if self._live is not None:
            self._live.close(status, self.record["end_ms"])

    def _save(self) -> None:
        if self.folder is None:
            return
        path = self.folder / f"{self.id}.json"
        temporary = path.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(self.record, indent=1, default=str), encoding="utf-8")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def is_alive(metrics: Path) -> bool:
    """Whether the process that writes this metrics file lives, on whatever machine: it holds a lock on the file."""
    try:
        with metrics.open("r+", encoding="utf-8") as lines:
            fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such file, or a file system without locks
        return False
    return False


@cache
def git_commit() -> str:
    """Return the commit of the workflow's checkout, with `+changes` when the tree differs; `unknown` outside git."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*"],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return commit.stdout.strip()


def _locked(path: Path) -> TextIO:
    """Return a metrics file, written line by line, locked while its process lives: the kernel lets go at any death."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.open("a", encoding="utf-8", buffering=1)
    # a file system without locks: then a job that still runs looks killed until it ends
    with contextlib.suppress(OSError):
        fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lines


def _peak_mb() -> float:
    """Largest resident set of this process and of its children, in MB (ru_maxrss is in KiB on Linux)."""
    return (
        max(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        / 1024
    )


def _gpu_peak_mb() -> float | None:
    """Most GPU memory that this process held at once, in MB; None where it used no GPU. Imports nothing by itself."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return float(torch.cuda.max_memory_reserved()) / 2**20
