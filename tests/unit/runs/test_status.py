"""`make status`: what runs where and until when, what failed and was not made good."""

import os

import pytest

from avatarflow.runs.context import Step
from avatarflow.runs.records import Run
from avatarflow.runs.status import duration, lines


@pytest.fixture
def records(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # no squeue
    return tmp_path / "results" / "records"


def started(records, kind="finetune", name="eyes"):
    run = Run(kind, f"releases/{name}", records)
    run.params({"wildcard.name": name})
    return run


def test_a_running_job_with_its_place_its_progress_and_its_end(tmp_path, records, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    run = started(records)
    run.progress(30, 120, "steps", 900.0)
    now = run.record["progress"]["time_ms"] + 60_000
    run.record["start_ms"] = now - 360_000
    run._save()
    said = list(lines(tmp_path, now))
    assert (
        f"finetune eyes on {os.uname().nodename} (Slurm job 17), for 6 min: 30 of 120 steps, done in about 14 min"
        in said[1]
    )
    assert said[2].startswith("running 1; ended so far")


def test_a_failure_is_named_until_a_later_job_makes_it_good(tmp_path, records):
    (tmp_path / "logs/releases/eyes").mkdir(parents=True)
    (tmp_path / "logs/releases/eyes/sample.log").touch()
    started(records, "sample").finish("FAILED", "refused")
    assert "  failed: sample eyes: logs/releases/eyes/sample.log" in list(lines(tmp_path))
    again = started(records, "sample")
    again.id = f"9{again.id}"  # a later start
    again.record["id"] = again.id
    again.finish("FINISHED")
    said = list(lines(tmp_path))
    assert not [line for line in said if "failed:" in line]
    assert "1 finished, 1 failed" in said[-1]


def test_a_killed_job_does_not_count_as_running(tmp_path, records):
    run = started(records)
    run._lines.close()  # as the kernel does when the process dies
    said = list(lines(tmp_path))
    assert "running 0;" in said[1]
    assert "1 killed" in said[1]


def test_the_newest_log_tells_how_far_the_whole_is(tmp_path, records):
    logs = tmp_path / ".snakemake" / "log"
    logs.mkdir(parents=True)
    (logs / "old.log").write_text("9 of 9 steps (100%) done\n")
    os.utime(logs / "old.log", (1, 1))
    (logs / "new.log").write_text("1 of 25 steps (4%) done\n2 of 25 steps (8%) done\n")
    assert next(lines(tmp_path)) == "newest run: 2 of 25 steps done"


def test_an_empty_folder(tmp_path, records):
    assert next(lines(tmp_path)) == "no run yet in this folder"


def test_waiting_jobs_of_this_folder_are_counted_by_reason(tmp_path, monkeypatch):
    squeue = tmp_path / "squeue"
    jobs = [("avatarflow_a", "Priority", tmp_path), ("avatarflow_a", "Resources", tmp_path)]
    jobs += [
        ("avatarflow_a", "Priority", tmp_path),
        ("avatarflow_a", "Priority", "/else"),
        ("x", "Priority", tmp_path),
    ]
    squeue.write_text(
        "#!/bin/sh\n" + "".join(f"echo '{name}|{why}|{folder}'\n" for name, why, folder in jobs)
    )
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert list(lines(tmp_path))[-1] == "waiting in Slurm: 2 Priority, 1 Resources"


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "40 s"), (89.4, "89 s"), (720, "12 min"), (11100, "3 h 05 min")]
)
def test_durations_in_words(seconds, text):
    assert duration(seconds) == text


def test_progress_reaches_the_record(records, tmp_path):
    import logging

    run = started(records)
    step = Step(logging.getLogger("test"), run)
    step.progress(0, 10, "pictures")
    assert run.record["progress"]["left_s"] is None
    step.progress(10, 10, "pictures")
    assert (run.record["progress"]["done"], run.record["progress"]["left_s"]) == (10, 0.0)
