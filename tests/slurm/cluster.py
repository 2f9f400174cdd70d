"""What tests do on the cluster: start a run, find its jobs and processes, break things, wait for things."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import project

RELEASE = "results/releases/tiny"
TEACHER = f"{RELEASE}/teacher/model_index.json"
FOLDER = Path(os.environ.get("AVATARFLOW_SLURM_FOLDER", "/tmp/avatarflow-slurm"))
LIMIT_S = 600
SITE = {"AVATARFLOW_SHARDS": "1", "AVATARFLOW_FIRST_LOOK_S": "3", "AVATARFLOW_LARGEST_MB": "16000"}
REST_MADE = set()
"""Tests that have made the whole release once."""


def run_slurm(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def jobs():
    """Jobs that wait, run or end, as dictionaries."""
    keys = ("id", "state", "node", "rule", "workdir", "restarts")
    lines = run_slurm("squeue", "--noheader", "--format=%A|%T|%N|%k|%Z|%r").splitlines()
    return [dict(zip(keys, line.split("|"), strict=True)) for line in lines]


def job_of(rule):
    """The running job of a rule, or None."""
    found = (
        job
        for job in jobs()
        if job["rule"].startswith(f"rule_{rule}_") and job["state"] == "RUNNING"
    )
    return next(found, None)


def ended(number):
    """How Slurm says that a job ended, and where it ran: its whole record."""
    return records(number)[number]


def records(*number):
    """The whole records of one job, or of all that Slurm still knows (MinJobAge: those of the last five minutes)."""
    lines = run_slurm("scontrol", "--oneliner", "show", "jobs", *number).splitlines()
    found = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
    return {record["JobId"]: record for record in found if "JobId" in record}


def wait_until(condition, what, limit_s=LIMIT_S):
    """The first true value of `condition()`, or a failure that says what never came."""
    ends = time.monotonic() + limit_s
    while not (value := condition()):
        if time.monotonic() > ends:
            raise AssertionError(f"{what}: not within {limit_s} s; the queue is {jobs()}")
        time.sleep(0.1)
    return value


def processes_in(folder):
    """Numbers of living processes that work in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and (entry / "cwd").resolve().is_relative_to(folder):
                found.append(int(entry.name))
    return found


def payloads(folder, rule):
    """Numbers of the processes that do a rule's own work (not the Snakemakes around it)."""
    found = []
    for number in processes_in(folder):
        with suppress(OSError):
            words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
            if (
                any(word.endswith(f".{rule}.py".encode()) for word in words)
                and b"python" in words[0]
            ):
                found.append(number)
    return found


def start(folder, *arguments, log="run.log", **variables):
    """Start the workflow in a folder with the profile; everything it says goes to a file there."""
    # tests that run in a shell's background ignore SIGINT, and so would all that they start
    command = ["env", "--default-signal=INT", *project.command(folder)]
    command += ["--profile", str(project.ROOT / "slurm"), *arguments]
    environment = {**project.environment(), **SITE, **variables}
    with (folder / log).open("w") as file:
        return subprocess.Popen(
            command, stdout=file, stderr=file, env=environment, start_new_session=True, cwd=folder
        )


def finish(process, folder, log="run.log", status=0, limit_s=LIMIT_S):
    """Wait for the end of a run and give back what it said."""
    try:
        process.wait(limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said = (folder / log).read_text()[-6000:]
        raise AssertionError(
            f"the run did not end within {limit_s} s; the queue is {jobs()}\n{said}"
        ) from None
    said = (folder / log).read_text()
    assert process.returncode == status, (
        f"ended with {process.returncode}\n{said[-6000:]}\n{logs(folder)[-3000:]}"
    )
    return said


def run(folder, *arguments, **options):
    """Run to the end."""
    status = options.pop("status", 0)
    log = options.get("log", "run.log")
    return finish(start(folder, *arguments, **options), folder, log, status)


def logs(folder):
    """All that rules and Slurm logged in a folder."""
    return "\n".join(
        path.read_text(errors="replace") for path in sorted((folder / "logs").rglob("*.log"))
    )


def before_finetuning(undisturbed, folder):
    """A copy of the finished run without its teacher and without what leaves: one job away from each."""
    project.copy(undisturbed, folder)
    for made in (f"{RELEASE}/teacher", f"{RELEASE}/release", "results/state"):
        shutil.rmtree(folder / made)
    return folder


def frozen_in_training(folder, rule="finetune"):
    """Wait until a rule has saved a checkpoint, stop its process in the middle, and give back its job and number."""
    checkpoint = f"results/state/releases/tiny/{rule}/**/network.safetensors"

    def stopped():
        numbers = payloads(folder, rule)
        if numbers and any(folder.glob(checkpoint)):
            os.kill(numbers[0], signal.SIGSTOP)
            return numbers[0]
        return None

    number = wait_until(stopped, f"a checkpoint of {rule}")
    return wait_until(lambda: job_of(rule), f"the job of {rule}"), number


def same_as_undisturbed(undisturbed, folder):
    """Make the rest without the cluster, and compare what was trained and what leaves."""
    assert project.content(folder / RELEASE / "teacher") == project.content(
        undisturbed / RELEASE / "teacher"
    )
    test = os.environ["PYTEST_CURRENT_TEST"].partition("[")[0]
    if test in REST_MADE:
        return  # repeated by five.sh: that equal teachers lead to equal releases was seen the first time
    REST_MADE.add(test)
    project.run(folder)
    assert project.content(folder / RELEASE / "release") == project.content(
        undisturbed / RELEASE / "release"
    )


def resume_all(folder):
    """Wake processes that a test stopped."""
    for number in processes_in(folder):
        with suppress(OSError):
            os.kill(number, signal.SIGCONT)


def nodes():
    """State of each node, by name."""
    return dict(
        line.split()
        for line in run_slurm("sinfo", "--noheader", "-N", "--format=%N %T").splitlines()
    )


def repair_nodes():
    """Every node's slurmd runs, and no node is drained or down."""
    for name in nodes():
        file = FOLDER / "run" / f"slurmd.{name}.pid"
        if not file.exists() or not Path(f"/proc/{file.read_text().strip()}/cmdline").exists():
            subprocess.run(
                ["slurmd", "-N", name],
                check=True,
                env={**os.environ, "SLURM_CONF": f"{FOLDER}/etc/slurm.conf"},
            )
        if nodes()[name] not in ("idle", "mixed", "allocated"):
            subprocess.run(
                ["scontrol", "update", f"nodename={name}", "state=resume"],
                check=False,
                capture_output=True,
            )
    wait_until(
        lambda: all(state in ("idle", "mixed", "allocated") for state in nodes().values()),
        "healthy nodes",
        90,
    )


def clean_up(folder):
    """Leave nothing behind, even after a test that failed."""
    subprocess.run(["scancel", "--user=root"], check=False, capture_output=True)
    for number in processes_in(folder):
        with suppress(OSError):
            os.kill(number, signal.SIGKILL)
    wait_until(lambda: not jobs(), "an empty queue", 60)
