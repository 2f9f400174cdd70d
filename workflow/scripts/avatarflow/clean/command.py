"""The command itself: check, run the workflow, put the release into OUT, say what was decided."""

import logging
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from avatarflow.core.errors import AvatarflowError, problem
from avatarflow.runs.closing_lines import closing_line, read_decision
from avatarflow.runs.history import Record, read_records
from avatarflow.runs.records import FOLDER
from avatarflow.runs.stopping import watching

from .arguments import PROGRAM, parse
from .checks import Job, check_y_contigs, checked
from .configuration import write_configuration
from .folders import decided, deliver, locked

RELEASED, NO_DECISION, BAD_INPUT, REFUSED = 0, 1, 2, 3
SNAKEFILE = Path(__file__).resolve().parents[3] / "Snakefile"
ERROR = re.compile(r"\d\d:\d\d:\d\d ERROR (.*)")  # as `step` writes a log
STDERR = 2

log = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Run `avatarflow` with the arguments behind its name; returns the exit status."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        return clean(checked(parse(arguments)))
    except AvatarflowError as error:
        log.error("%s", error)
        return BAD_INPUT


def clean(job: Job) -> int:
    """Run the workflow for one sample, or go on with a run, and return the exit status.

    Raises
    ------
    AvatarflowError
        If the input turns out to be bad while it is read.
    """
    if not decided(job.out, job.digest):
        with locked(job.work) as lock:
            status = _run(job, lock)
            if status is not None:
                kept = "kept, with human reads in it"
                log.error(
                    "%s", problem("work folder", kept, "give the command again, or remove it")
                )
                return status
            try:
                deliver(job.results, job.out, job.digest)
            except OSError as error:
                found = f"cannot be written: {error.strerror}"
                log.error("%s", problem("--out", found, "give the command again once it can"))
                return NO_DECISION
    if not job.request.keep_work and job.work.exists():
        _remove(job.work)
    decision, reasons = read_decision(job.out / "certificate.json")
    page = Path(job.request.out or "") / "report.html"
    sys.stdout.write(closing_line(job.request.name, decision, reasons, page) + "\n")
    return RELEASED if decision == "released" else REFUSED


def _run(job: Job, lock: int) -> int | None:
    """Run the workflow: first what reads the input, then all of it; returns an exit status if it did not end well."""
    name = job.request.name
    benchmark = f"results/read_benchmarks/{name}"
    write_configuration(job.work / "config.yaml", job.config)
    began_ms = int(time.time() * 1000)
    for targets in ([f"{benchmark}/reads/own/spiked/reads_1.fastq.gz"], ["read_releases"]):
        if _snakemake(job, targets, lock):
            return _failed(job.work, began_ms)
        try:
            check_y_contigs(job, job.work / benchmark / "genome" / "host.fa")
        except AvatarflowError as error:
            log.error("%s", error)
            return BAD_INPUT
    return None


def _snakemake(job: Job, targets: Sequence[str], lock: int) -> int:
    """Make targets, and hand on signals; returns Snakemake's exit status."""
    command = [
        sys.executable, "-m", "snakemake", *targets, "--snakefile", str(SNAKEFILE), "--directory", str(job.work),
        "--configfile", str(job.work / "config.yaml"), "--cores", job.request.cores, "--rerun-incomplete",
        "--keep-going", "--quiet", "rules", "host", "reason",
    ]  # fmt: skip
    # standard output is for the decision alone
    process = subprocess.Popen(command, stdout=STDERR, pass_fds=[lock])
    with watching(also=process.send_signal):
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # Snakemake had it too, and ends its jobs
                continue


def _failed(work: Path, since_ms: int) -> int:
    """Say which steps failed, and why if the input was bad; returns the exit status."""
    failed = [
        one
        for one in read_records(work / FOLDER)
        if one.status == "FAILED" and one.fields["start_ms"] >= since_ms
    ]
    bad = [one for one in failed if one.fields["error"] == "refused"]
    for line in dict.fromkeys(line for one in bad for line in _errors(work, one)):
        log.error("%s", line)
    for one in failed:
        if one not in bad:
            found = f"failed ({one.fields['error']})"
            log.error("%s", problem(f"step {one.fields['kind']}", found, f"see {_logs(work, one)}"))
    if not failed:
        log.error("%s", problem(PROGRAM, "stopped before a decision", "see the lines above"))
    return BAD_INPUT if bad and len(bad) == len(failed) else NO_DECISION


def _logs(work: Path, job: Record) -> str:
    return str(work / "logs" / job.fields["entry"] / f"{job.fields['kind']}*.log")


def _errors(work: Path, job: Record) -> Iterator[str]:
    """Yield the problems in the logs of a job."""
    folder = work / "logs" / job.fields["entry"]
    for path in sorted(folder.glob(f"{job.fields['kind']}*.log")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if match := ERROR.fullmatch(line):
                yield match[1]


def _remove(work: Path) -> None:
    try:
        shutil.rmtree(work)
    except OSError:
        found = "cannot be removed whole, and human reads lie in it"
        log.warning("%s", problem("work folder", found, "remove it"))
