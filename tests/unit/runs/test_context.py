"""A step logs to console and file, keeps tracebacks of its own mistakes, and records how it ended."""

import errno
import json
from types import SimpleNamespace

import pytest

from avatarflow.core.errors import refuse
from avatarflow.runs.context import Step, step


class Names(SimpleNamespace):
    """Something with attributes and items, like Snakemake's lists of names."""

    def items(self):
        return vars(self).items()


@pytest.fixture
def job(tmp_path, monkeypatch):
    """What Snakemake hands to a script, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return SimpleNamespace(
        rule="judge",
        log=[str(tmp_path / "logs" / "judge.log")],
        wildcards=Names(name="demo", shard="3"),
        params=Names(entry="releases/demo"),
    )


def record(tmp_path):
    (path,) = (tmp_path / "results" / "records").glob("*.json")
    return json.loads(path.read_text())


def log(tmp_path):
    return (tmp_path / "logs" / "judge.log").read_text()


def test_a_good_step(job, tmp_path, capsys):
    with step(job) as run:
        run.info("accepted %d of %d", 3, 4)
        run.metric("accepted", 3)
        run.params({"alpha": 0.1})
    assert "INFO accepted 3 of 4" in log(tmp_path)
    assert "INFO accepted 3 of 4" in capsys.readouterr().err
    assert "done in" in log(tmp_path)
    found = record(tmp_path)
    assert (found["kind"], found["entry"], found["status"]) == (
        "judge",
        "releases/demo",
        "FINISHED",
    )
    assert found["params"] == {"wildcard.name": "demo", "wildcard.shard": "3", "alpha": 0.1}


def test_a_refusal_ends_with_its_text_alone(job, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended, step(job):
        raise refuse("manifest row 3", "no file", "add it")
    assert ended.value.code == 1
    assert "ERROR manifest row 3: no file; add it" in log(tmp_path)
    assert "Traceback" not in log(tmp_path) + capsys.readouterr().err
    assert (record(tmp_path)["status"], record(tmp_path)["error"]) == ("FAILED", "refused")


def test_every_problem_of_a_refusal_is_a_line(job, tmp_path):
    with pytest.raises(SystemExit), step(job):
        raise refuse("a", "b", "c\nd: e; f")
    assert log(tmp_path).count("ERROR") == 2


def test_a_mistake_of_ours_keeps_its_traceback_in_the_log(job, tmp_path):
    with pytest.raises(SystemExit) as ended, step(job):
        {}["missing"]
    assert ended.value.code == 1
    assert "Traceback" in log(tmp_path)
    assert "KeyError: 'missing'" in log(tmp_path)
    found = record(tmp_path)
    # its kind only: a text may quote data
    assert (found["status"], found["error"]) == ("FAILED", "KeyError")


FULL = [
    OSError(errno.ENOSPC, "x"),
    OSError(errno.EDQUOT, "x"),
    RuntimeError("I/O error: No space left on device (os error 28)"),
]


@pytest.mark.parametrize("error", FULL, ids=["disk", "share", "safetensors"])
@pytest.mark.parametrize("chained", [False, True])
def test_a_full_disk_is_named_with_what_to_do(job, tmp_path, error, chained):
    cause = error if chained else None
    with pytest.raises(SystemExit), step(job):
        raise (ValueError("could not write") if chained else error) from cause
    assert "results: no space left on the disk; free some and start again" in log(tmp_path)


def test_another_error_of_the_disk_is_not_called_full(job, tmp_path):
    with pytest.raises(SystemExit), step(job):
        raise OSError(errno.EACCES, "x")
    assert "no space left" not in log(tmp_path)


def test_a_record_that_cannot_be_closed_on_a_full_disk_hides_nothing(job, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    def broken():
        monkeypatch.setattr("os.replace", full)
        raise KeyError("the first error")

    with pytest.raises(SystemExit) as ended, step(job):
        broken()
    assert ended.value.code == 1
    assert "the first error" in log(tmp_path)
    assert record(tmp_path)["status"] == "RUNNING"  # and its lock is gone with its process: killed
    assert not list((tmp_path / "results/records").glob("*.tmp"))


def test_a_good_step_whose_record_cannot_be_closed_fails_with_the_reason(
    job, tmp_path, monkeypatch
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SystemExit) as ended, step(job):
        monkeypatch.setattr("os.replace", full)
    assert ended.value.code == 1
    assert "no space left on the disk" in log(tmp_path)


def test_an_interrupt_is_recorded_and_passed_on(job, tmp_path):
    with pytest.raises(KeyboardInterrupt), step(job):
        raise KeyboardInterrupt
    assert record(tmp_path)["status"] == "KILLED"


def test_a_second_step_does_not_log_twice(job, tmp_path):
    for _ in range(2):
        with step(job) as run:
            run.info("only once")
    assert log(tmp_path).count("only once") == 1


def test_a_step_without_log_or_entry(job, tmp_path):
    job.log, job.params = [], Names()
    with step(job) as run:
        run.info("still works")
    assert record(tmp_path)["entry"] == "workflow/shared"


def test_progress_is_said_at_the_start_and_at_the_end_but_not_all_the_time(job, tmp_path):
    with step(job) as run:
        for done in range(101):
            run.progress(done, 100, "pictures")
    assert [line.split("INFO ")[1][:10] for line in log(tmp_path).splitlines()[:2]] == [
        "0 of 100 p",
        "100 of 100",
    ]
    assert log(tmp_path).count("pictures") == 2


def test_the_null_step_does_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = Step.null()
    run.info("nowhere")
    run.metric("a", 1.0)
    run.artifact("b")
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().err == ""
