"""Many jobs log to one MLflow server at once; the import afterwards makes the store equal the records."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from avatarflow.runs.history import read_records
from avatarflow.runs.live import is_live
from avatarflow.runs.records import Run
from avatarflow.runs.tracking import import_records

JOBS, METRICS = 16, 300
ENTRY = "releases/eyes"
JOB = f"""
import os, signal, sys
from pathlib import Path
from avatarflow.runs.records import Run
number = int(sys.argv[2])
run = Run("sample", "{ENTRY}", Path("results/records"), sys.argv[1])
run.params({{"wildcard.shard": number}})
for step in range({METRICS}):
    run.metric("loss", number + 1 / (step + 1), step)
    run.metric("rate", step / 7, step)
if number == 0:
    os.kill(os.getpid(), signal.SIGKILL)
run.finish("FINISHED" if number > 1 else "FAILED")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server as `make mlflow-server` starts one, on a database of its own."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true",
                   "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{folder}/mlflow.db"}  # fmt: skip
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--artifacts-destination", str(folder / "artifacts")]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    address, ends = f"http://127.0.0.1:{port}", time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5).close()
            break
        except OSError:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < ends, (folder / "log").read_text()
            time.sleep(0.3)
    yield address
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def stored(address, record):
    """Status and all metrics of the run that belongs to a record."""
    from mlflow import MlflowClient

    client = MlflowClient(address)
    experiment = client.get_experiment_by_name(record.fields["entry"]).experiment_id
    (run,) = client.search_runs([experiment], f"tags.`avatarflow.record_id` = '{record.id}'")
    names = {row["name"] for row in record.metrics}
    history = [one for name in names for one in client.get_metric_history(run.info.run_id, name)]
    return run, sorted((one.key, one.step, one.value, one.timestamp) for one in history)


def test_sixteen_jobs_at_once_lose_nothing_and_the_import_completes_them(
    server, root, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(root / "workflow" / "scripts")}
    jobs = [
        subprocess.Popen([sys.executable, "-c", JOB, server, str(n)], env=environment)
        for n in range(JOBS)
    ]
    assert [job.wait(300) for job in jobs] == [-signal.SIGKILL] + [0] * (JOBS - 1)
    records = read_records()
    assert len(records) == JOBS
    for record in records:
        if record.status != "KILLED":  # a killed job could not send its last seconds
            run, metrics = stored(server, record)
            assert metrics == noted(record), "lost while logging live"
            assert run.info.status == record.status
    assert import_records(tracking_uri=server) == {"imported": JOBS, "unchanged": 0, "running": 0}
    before = [stored(server, record) for record in records]
    for record, (run, metrics) in zip(records, before, strict=True):
        assert run.info.status == record.status
        assert metrics == noted(record)
        assert run.data.params["wildcard.shard"] == str(record.fields["params"]["wildcard.shard"])
    assert sorted(run.info.status for run, _ in before) == [
        "FAILED",
        *["FINISHED"] * (JOBS - 2),
        "KILLED",
    ]
    assert import_records(tracking_uri=server) == {"imported": 0, "unchanged": JOBS, "running": 0}
    after = [stored(server, record) for record in records]
    assert [(run.to_dictionary(), metrics) for run, metrics in after] == [
        (run.to_dictionary(), metrics) for run, metrics in before
    ]


def noted(record):
    return sorted(
        (row["name"], row["step"], row["value"], row["time_ms"]) for row in record.metrics
    )


def test_a_server_that_is_not_there_stops_no_job(tmp_path, caplog):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://user:secret@127.0.0.1:{free.getsockname()[1]}"
    run = Run("sample", ENTRY, tmp_path, address)
    run.metric("loss", 1.0)
    run.finish("FINISHED")
    assert "secret" not in caplog.text
    assert read_records(tmp_path)[0].status == "FINISHED"


@pytest.mark.parametrize(
    ("uri", "live"),
    [("https://a", True), ("http://a", True), ("sqlite:///a", False), (None, False)],
)
def test_only_servers_are_logged_to_live(uri, live):
    assert is_live(uri) is live
