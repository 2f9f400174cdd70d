"""Run records: what is written, when, and how a dead job is told from a living one."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from avatarflow.runs.records import Run, git_commit, is_alive


def read(folder, run):
    record = json.loads((folder / f"{run.id}.json").read_text())
    lines = (folder / f"{run.id}.metrics.jsonl").read_text().splitlines()
    return record, [json.loads(line) for line in lines]


def test_a_record_holds_what_was_noted(tmp_path):
    run = Run("finetune", "releases/demo", tmp_path)
    run.params({"learning_rate": 1e-4, "network": {"width": 32, "deep": {"er": True}}})
    run.metric("loss", 0.5, 1)
    run.metric("loss", 0.25, 2)
    run.artifact(tmp_path / "figure.png")
    run.finish("FINISHED")
    record, metrics = read(tmp_path, run)
    assert (record["kind"], record["entry"], record["status"]) == (
        "finetune",
        "releases/demo",
        "FINISHED",
    )
    assert record["params"] == {"learning_rate": 1e-4, "network.width": 32, "network.deep.er": True}
    assert [(row["name"], row["value"], row["step"]) for row in metrics] == [
        ("loss", 0.5, 1),
        ("loss", 0.25, 2),
    ]
    assert record["artifacts"] == [str(tmp_path / "figure.png")]
    assert record["end_ms"] >= record["start_ms"]
    assert record["peak_mb"] > 1


def test_the_record_is_there_and_running_before_the_job_ends(tmp_path):
    run = Run("sample", "releases/demo", tmp_path)
    run.metric("pictures", 3)
    record, metrics = read(tmp_path, run)
    assert record["status"] == "RUNNING"
    assert [row["value"] for row in metrics] == [3.0]  # on disk at once, whatever happens next


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_non_finite_metric_is_kept_by_name_in_valid_json(tmp_path, value):
    run = Run("finetune", "releases/demo", tmp_path)
    run.metric("loss", value)
    run.finish("FAILED", "refused")
    _, metrics = read(tmp_path, run)
    assert metrics[0]["value"] == str(value)


def test_a_run_recorded_nowhere_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run.null()
    run.params({"a": 1})
    run.metric("b", 2.0)
    run.finish("FINISHED")
    assert run.record["params"] == {"a": 1}
    assert not list(tmp_path.iterdir())


def test_two_runs_never_share_a_record(tmp_path):
    assert len({Run("sample", "releases/demo", tmp_path).id for _ in range(50)}) == 50


def test_alive_until_finished(tmp_path):
    run = Run("sample", "releases/demo", tmp_path)
    metrics = tmp_path / f"{run.id}.metrics.jsonl"
    assert is_alive(metrics)
    run.finish("FINISHED")
    assert not is_alive(metrics)
    assert not is_alive(tmp_path / "never-written.jsonl")


def test_a_killed_process_is_not_alive(tmp_path, root):
    body = "import time; from avatarflow.runs.records import Run; from pathlib import Path; import sys\n"
    body += "run = Run('sample', 'releases/demo', Path(sys.argv[1])); time.sleep(60)"
    environment = {**os.environ, "PYTHONPATH": str(root / "workflow" / "scripts")}
    process = subprocess.Popen([sys.executable, "-c", body, str(tmp_path)], env=environment)
    try:
        while not (records := list(tmp_path.glob("*.json"))):
            time.sleep(0.05)
        metrics = records[0].with_suffix(".metrics.jsonl")
        assert is_alive(metrics)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not is_alive(metrics)
    finally:
        process.kill()


def test_the_commit_is_one_or_unknown():
    commit = git_commit()
    assert commit == "unknown" or len(commit.removesuffix("+changes")) == 40
