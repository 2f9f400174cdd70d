"""What runs where, how far it is and when it is done: `make status`, beside a run or after it.

Reads what `step` writes (results/records/), Snakemake's newest log and, if there is one, Slurm's queue. Writes nothing.
"""

import logging
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .history import Record, read_records
from .orphans import PREFIX
from .records import FOLDER

log = logging.getLogger(__name__)
STEPS = re.compile(r"(\d+) of (\d+) steps \(\S+\) done")


def lines(workdir: Path = Path(), now_ms: int | None = None) -> Iterator[str]:
    """The report, line by line.

    Parameters
    ----------
    workdir : Path
        The run's working directory.
    now_ms : int or None
        Milliseconds since 1970, for tests; None is the clock.
    """
    now = int(time.time() * 1000) if now_ms is None else now_ms
    records = read_records(workdir / FOLDER)
    yield _overall(workdir / ".snakemake" / "log")
    running = [one for one in records if one.status == "RUNNING"]
    for record in running:
        yield "  " + _running(record, now)
    ended = Counter(one.status for one in records if one.status != "RUNNING")
    counted = ", ".join(
        f"{ended[status]} {status.lower()}" for status in ("FINISHED", "FAILED", "KILLED")
    )
    yield f"running {len(running)}; ended so far, earlier runs counted: {counted}"
    yield from (f"  failed: {_name(one)}: {_log_of(workdir, one)}" for one in _unmended(records))
    waiting = _waiting(workdir)
    if waiting:
        yield "waiting in Slurm: " + ", ".join(
            f"{number} {reason}" for reason, number in sorted(waiting.items())
        )


def _overall(logs: Path) -> str:
    """Return how many steps of the newest run are done, by Snakemake's own count."""
    newest = (
        max(logs.glob("*.log"), key=lambda path: path.stat().st_mtime, default=None)
        if logs.is_dir()
        else None
    )
    if newest is None:
        return "no run yet in this folder"
    counts = STEPS.findall(newest.read_text(encoding="utf-8", errors="replace"))
    if not counts:
        return "newest run: no step is done yet"
    done, total = counts[-1]
    return f"newest run: {done} of {total} steps done"


def _running(record: Record, now_ms: int) -> str:
    fields = record.fields
    where = fields.get("host", "?") + (
        f" (Slurm job {fields['slurm_job']})" if fields.get("slurm_job") else ""
    )
    spent_s = (now_ms - fields["start_ms"]) / 1000
    text = f"{_name(record)} on {where}, for {duration(spent_s)}"
    progress = fields.get("progress")
    if not progress:
        return text
    left_s = progress["left_s"]
    text += f": {progress['done']} of {progress['total']} {progress['unit']}"
    if left_s is None:
        return text
    left_s = max(0.0, left_s - (now_ms - progress["time_ms"]) / 1000)
    return f"{text}, done in about {duration(left_s)}"


def _name(record: Record) -> str:
    params = record.fields["params"]
    parts = [str(value) for name, value in params.items() if name.startswith("wildcard.")]
    return " ".join([record.fields["kind"], *parts])


def _unmended(records: list[Record]) -> list[Record]:
    """Failed or killed jobs that no later job of the same name made good."""
    newest = {_name(one): one for one in records}
    return [one for one in newest.values() if one.status in ("FAILED", "KILLED")]


def _log_of(workdir: Path, record: Record) -> str:
    found = sorted(
        (workdir / "logs" / record.fields["entry"]).glob(f"{record.fields['kind']}*.log")
    )
    return str(found[0].relative_to(workdir)) if found else record.status.lower()


def _waiting(workdir: Path) -> Counter[str]:
    """Return how many of this folder's jobs wait in Slurm, by its reason."""
    reasons: Counter[str] = Counter()
    if not shutil.which("squeue"):
        return reasons
    listed = subprocess.run(
        ["squeue", "--me", "--noheader", "--states=PENDING", "--format=%j|%r|%Z"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    for line in listed.stdout.splitlines():
        name, reason, folder = line.split("|", 2)
        if name.startswith(PREFIX) and Path(folder).resolve() == workdir.resolve():
            reasons[reason] += 1
    return reasons


def duration(seconds: float) -> str:
    """Seconds in words: `40 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    for one_line in lines():
        log.info("%s", one_line)
