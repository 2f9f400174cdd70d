"""Metrics to an MLflow server while a job runs. The record stays the truth: the import completes what is missing.

MLflow's REST interface by the standard library alone: importing mlflow takes seconds in every job, and only the
environment of the import has it. Nothing here may stop a job: one thread sends, and gives up at the first error.
"""

import base64
import json
import logging
import os
import queue
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

log = logging.getLogger("avatarflow")

RECORD_ID = "avatarflow.record_id"
LIVE = "avatarflow.runs.live"
BATCH = 1000  # MLflow's limit for metrics of one call
PAUSE_S = 5.0
ANSWER_S = 20.0
FINAL_S = 60.0


def is_live(uri: str | None) -> bool:
    """Return whether jobs log to this tracking URI while they run: servers only, never files or databases."""
    return uri is not None and uri.startswith(("http://", "https://"))


class Live:
    """A run on a server, filled by a thread.

    Parameters
    ----------
    uri : str
        The server; user and password come from `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, or a token
        from `MLFLOW_TRACKING_TOKEN`, as mlflow itself reads them.
    record : mapping
        The run record as it is at the start: `id`, `kind`, `entry`, `start_ms`.
    """

    def __init__(self, uri: str, record: Mapping[str, Any]) -> None:
        self._address = f"{uri.rstrip('/')}/api/2.0/mlflow/"
        self._record = {name: record[name] for name in ("id", "kind", "entry", "start_ms")}
        self._rows: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._end: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._thread.start()

    def metric(self, row: dict[str, Any]) -> None:
        """Send one metric, soon."""
        self._rows.put(row)

    def close(self, status: str, end_ms: int) -> None:
        """Send the rest and the end, for as long as a minute."""
        self._end = {"status": status, "end_time": end_ms}
        self._rows.put(None)
        self._thread.join(FINAL_S)

    def _work(self) -> None:
        try:
            run_id = self._start()
            while self._send(run_id):
                pass
            self._call("runs/update", {"run_id": run_id, **self._end})
        except (
            OSError,
            ValueError,
            KeyError,
        ) as error:  # URLError is an OSError; its text may hold the address
            log.warning(
                "MLflow server: %s; nothing is lost, the import at the end brings it",
                type(error).__name__,
            )

    def _start(self) -> str:
        record = self._record
        tags = {RECORD_ID: record["id"], LIVE: "yes", "avatarflow.kind": record["kind"]}
        run = self._call(
            "runs/create",
            {
                "experiment_id": self._experiment(record["entry"]),
                "start_time": record["start_ms"],
                "run_name": record["kind"],
                "tags": [{"key": key, "value": value} for key, value in tags.items()],
            },
        )
        return str(run["run"]["info"]["run_id"])

    def _experiment(self, name: str) -> str:
        with suppress(urllib.error.HTTPError):  # it is there already, perhaps since a moment ago
            return str(self._call("experiments/create", {"name": name})["experiment_id"])
        found = self._call(
            f"experiments/get-by-name?experiment_name={urllib.parse.quote(name, safe='')}", None
        )
        return str(found["experiment"]["experiment_id"])

    def _send(self, run_id: str) -> bool:
        """Send what has gathered; False when that was the last."""
        rows, ends = [self._rows.get()], time.monotonic() + PAUSE_S
        while len(rows) < BATCH and rows[-1] is not None:
            try:
                rows.append(self._rows.get(timeout=max(0.0, ends - time.monotonic())))
            except queue.Empty:
                break
        metrics = [
            {
                "key": row["name"],
                "value": row["value"],
                "timestamp": row["time_ms"],
                "step": row["step"],
            }
            for row in rows
            if row is not None
        ]
        if metrics:
            self._call("runs/log-batch", {"run_id": run_id, "metrics": metrics})
        return rows[-1] is not None

    def _call(self, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._address + path, data, {"Content-Type": "application/json", **_login()}
        )
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
            answered: dict[str, Any] = json.load(answer)
        return answered


def _login() -> dict[str, str]:
    user, password = (
        os.environ.get(f"MLFLOW_TRACKING_{part}", "") for part in ("USERNAME", "PASSWORD")
    )
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if user:
        return {
            "Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        }
    return {}
