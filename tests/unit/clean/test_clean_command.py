"""Exit statuses, and what is left in OUT, with a stand-in for the workflow."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from avatarflow.clean import checks, command, folders
from avatarflow.clean.command import main
from avatarflow.clean.folders import MADE_BY, WORK_MARK, locked
from avatarflow.core.errors import AvatarflowError

ROOT = Path(__file__).resolve().parents[3]
ARGUMENTS = ["clean", "r.fq", "--reference", "host.fa", "--out", "clean", "--y-contig", "none"]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class Workflow:
    """Makes what Snakemake would; `ends` says how each call of it ends."""

    def __init__(self, decision="pass", reasons=(), ends=(0, 0)):
        self.decision, self.reasons, self.ends = decision, list(reasons), list(ends)
        self.targets, self.failures = [], []

    def __call__(self, job, targets, lock):
        self.targets.append(targets)
        host = job.work / "results/read_benchmarks" / job.request.name / "genome/host.fa"
        write(host, ">chr1\nACGT\n")
        for kind, error, text in self.failures:
            self.fail(job.work, job.request.name, kind, error, text)
        if targets == ["read_releases"]:
            certificate = json.dumps({"decision": self.decision, "reasons": self.reasons})
            write(job.results / "certificate.json", certificate)
            write(job.results / "dossier/en.html", "dossier")
            if self.decision == "pass":
                write(job.results / "release/reads_1.fastq.gz", "reads")
        return self.ends.pop(0)

    def fail(self, work, name, kind, error, text, before_s=0):
        entry = f"read_benchmarks/{name}"
        record = {"id": kind, "kind": kind, "entry": entry, "status": "FAILED", "error": error}
        record |= {"start_ms": int((time.time() - before_s) * 1000) + 1, "artifacts": []}
        write(work / "results/records" / f"{kind}.json", json.dumps(record))
        write(work / "logs" / entry / f"{kind}.log", text)


@pytest.fixture
def workflow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "absent", lambda tool: [])
    for name in ("r.fq", "host.fa"):
        (tmp_path / name).write_text("x\n")
    stand_in = Workflow()
    monkeypatch.setattr(command, "_snakemake", stand_in)
    return stand_in


def names(folder="."):
    return sorted(path.name for path in Path(folder).iterdir())


def left(folder):
    return sorted(
        str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()
    )


def test_a_release_is_put_into_out_and_the_folder_of_the_run_removed(workflow, tmp_path, capsys):
    assert main(ARGUMENTS) == 0
    assert capsys.readouterr().out == "sample: released; see clean/report.html\n"
    assert left("clean") == [
        MADE_BY,
        "certificate.json",
        "dossier/en.html",
        "release/reads_1.fastq.gz",
    ]
    assert names() == ["clean", "host.fa", "r.fq"]
    first, last = workflow.targets  # what reads the input runs before anything is indexed
    assert first == ["results/read_benchmarks/sample/reads/own/spiked/reads_1.fastq.gz"]
    assert last == ["read_releases"]
    assert main([*ARGUMENTS, "--cores", "1"]) == 0  # said again, not run again
    assert len(workflow.targets) == 2
    assert capsys.readouterr().out == "sample: released; see clean/report.html\n"


def test_a_refusal_leaves_its_reasons_and_no_reads(workflow, capsys):
    workflow.decision, workflow.reasons = "refuse", ["calls: inconclusive", "bits_left: fail"]
    arguments = [*ARGUMENTS, "--name", "stool", "--keep-work"]
    line = "stool: refused (calls: inconclusive; bits_left: fail); see clean/report.html\n"
    for _ in range(2):
        assert main(arguments) == 3
        assert capsys.readouterr().out == line
    assert left("clean") == [MADE_BY, "certificate.json", "dossier/en.html"]
    assert Path("clean.work/config.yaml").is_file()
    assert main([*ARGUMENTS, "--name", "stool"]) == 3  # the folder of the run is not kept any more
    assert not Path("clean.work").exists()


def test_bad_input_that_shows_while_it_is_read_is_told_and_nothing_is_in_out(
    workflow, tmp_path, capsys, caplog
):
    text = "10:00:00 INFO x\n10:00:00 ERROR fastq1 line 4: no quality; check it\n10:00:00 ERROR b: c; d\n"
    workflow.ends = [1]
    workflow.failures = [("take_reads", "refused", text)]
    workflow.fail(tmp_path / "clean.work", "sample", "old", "KeyError", "", before_s=60)
    write(tmp_path / "clean.work" / WORK_MARK, "")
    assert main(ARGUMENTS) == 2
    assert capsys.readouterr().out == ""
    assert caplog.messages == [
        "fastq1 line 4: no quality; check it",
        "b: c; d",
        "work folder: kept, with human reads in it; give the command again, or remove it",
    ]
    assert not Path("clean").exists()
    workflow.ends, workflow.failures = [0, 0], []
    assert main(ARGUMENTS) == 0  # mended, the same command goes on


def test_a_step_that_fails_is_no_bad_input(workflow, caplog):
    workflow.ends = [0, 1]
    workflow.failures = [("take_reads", "refused", ""), ("assess_reads", "MemoryError", "")]
    assert main(ARGUMENTS) == 1
    assert caplog.messages[0].startswith("step assess_reads: failed (MemoryError); see ")
    assert not Path("clean").exists()
    workflow.ends, workflow.failures = [130], []
    shutil.rmtree("clean.work")
    assert main(ARGUMENTS) == 1
    assert "avatarflow clean: stopped before a decision; see the lines above" in caplog.messages


def test_a_y_chromosome_that_is_not_named_stops_before_the_tools_run(workflow, caplog):
    assert main(ARGUMENTS[:-2]) == 2
    assert caplog.messages[0].startswith("--reference: no contig named Y or chrY;")
    assert len(workflow.targets) == 1


def test_arguments_are_refused_by_status_and_line(workflow, caplog, capsys):
    assert main([]) == 2
    assert main(["clean"]) == 2
    assert "--out: no folder; name one that is not there yet" in caplog.text
    assert (workflow.targets, capsys.readouterr().out) == ([], "")
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "refused: a gate did not pass" in capsys.readouterr().out


def test_out_is_whole_or_not_there(workflow, monkeypatch, caplog):
    def full(source, target, **_):
        Path(target, "release").mkdir()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(folders.shutil, "copytree", full)
        assert main(ARGUMENTS) == 1
    assert caplog.messages == [
        "--out: cannot be written: No space left on device; give the command again once it can"
    ]
    assert names() == ["clean.work", "host.fa", "r.fq"]
    workflow.ends = [0, 0]
    assert main(ARGUMENTS) == 0


def test_two_commands_do_not_share_a_folder_of_a_run(workflow, caplog):
    with locked(Path.cwd() / "clean.work"):
        assert main(ARGUMENTS) == 2
        assert caplog.messages == [
            "--work: another run is going on in it; wait for it, or name another folder"
        ]
        assert workflow.targets == []
    assert Path("clean.work").stat().st_mode & 0o777 == 0o700
    assert main(ARGUMENTS) == 0


def test_the_lock_is_held_on_by_a_run_whose_command_was_killed(tmp_path):
    with locked(tmp_path / "w") as lock:
        orphan = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    try:
        with pytest.raises(AvatarflowError), locked(tmp_path / "w"):
            pass
    finally:
        orphan.kill()
        orphan.wait()
    with locked(tmp_path / "w") as lock:
        assert fcntl.fcntl(lock, fcntl.F_GETFD) >= 0


def test_a_signal_is_handed_on_to_the_workflow_and_waited_for(tmp_path, monkeypatch):
    """Snakemake ends its jobs before it goes, and the lock is held that long."""
    (tmp_path / "snakemake.py").write_text(
        "import glob, json, os, signal, sys, time\n"
        "held = [os.path.realpath(fd) for fd in glob.glob('/proc/self/fd/*')]\n"
        "json.dump({'held': held, 'arguments': sys.argv[1:]}, open('seen.json', 'w'))\n"
        "def end(*_):\n    time.sleep(.2)\n    open('ended', 'w').close()\n    sys.exit(7)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "os.kill(os.getppid(), signal.SIGTERM)\n"
        "time.sleep(30)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in ("r.fq", "host.fa"):
        (tmp_path / name).write_text("x\n")
    monkeypatch.setattr(checks, "absent", lambda tool: [])
    before = signal.getsignal(signal.SIGTERM)
    assert main(ARGUMENTS) == 1
    assert Path("ended").exists()
    seen = json.loads(Path("seen.json").read_text())
    assert f"{tmp_path}/clean.work/{WORK_MARK}" in seen["held"]
    options = seen["arguments"]
    values = {
        option: options[options.index(option) + 1]
        for option in ("--cores", "--directory", "--configfile")
    }
    work = f"{tmp_path}/clean.work"
    assert values == {"--cores": "all", "--directory": work, "--configfile": f"{work}/config.yaml"}
    assert "--rerun-incomplete" in options
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.fixture
def installed(tmp_path):
    """A checkout whose .venv counts as complete, set up by envs/setup.sh."""
    shutil.copytree(ROOT / "envs", tmp_path / "project" / "envs")
    project = tmp_path / "project"
    scripts = project / ".venv" / "bin"
    scripts.mkdir(parents=True)
    (scripts / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (scripts / "python").chmod(0o755)
    locked_text = subprocess.run(["envs/lock.sh", "cpu"], cwd=project, capture_output=True).stdout
    key = subprocess.run("sha256sum", input=locked_text, capture_output=True).stdout.split()[0]
    (project / ".venv" / ".installed").write_bytes(key + b"\n")
    environment = {**os.environ, "AVATARFLOW_APT": "no"}
    for _ in range(2):  # again, with the link there
        done = subprocess.run(["envs/setup.sh"], cwd=project, env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert b"making .venv" not in done.stderr
    (project / "workflow").symlink_to(ROOT / "workflow")
    return project


def test_set_up_makes_the_command_and_it_runs_from_any_folder(installed, tmp_path):
    path = installed / ".venv" / "bin" / "avatarflow"
    assert path.resolve() == installed / "envs" / "avatarflow"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(path)
    for program in (path, tmp_path / "link"):
        done = subprocess.run(
            [program, "clean", "a b"], cwd=tmp_path / "elsewhere", capture_output=True, text=True
        )
        assert done.returncode == 2, done.stderr
        assert "reads, file 1: not there; check the path" in done.stderr


def test_the_configuration_of_a_run_is_in_its_folder(workflow, tmp_path):
    main([*ARGUMENTS, "--keep-work"])
    written = yaml.safe_load(Path("clean.work/config.yaml").read_text())
    assert written["read_releases"]["sample"]["own_reads"]["fastq1"] == str(tmp_path / "r.fq")
