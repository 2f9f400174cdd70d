"""Import run records into MLflow: one serial step, after the jobs, failed ones too.

`python -m avatarflow.runs.tracking` does the same from a shell. mlflow is imported inside functions only, because the
workflow's handlers import this module while Snakemake parses.
"""

import fcntl
import logging
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avatarflow.core.paths import environment_for_package, read_json, replacing, write_json

from .entries.facts import facts_of
from .entries.shown import key, show
from .history import Record, read_records
from .live import LIVE, RECORD_ID
from .records import FOLDER

if TYPE_CHECKING:
    from .context import Step

RESULTS = Path("results")
STORE = RESULTS / "mlflow"
INDEX = "imported.json"
PARENT = "mlflow.parentRunId"
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Opens an experiment with the table of nested runs instead of the pages for language models."""
DIGEST = "avatarflow.record_digest"
PARAMS_PER_BATCH = 100  # MLflow's limits
METRICS_PER_BATCH = 1000
VALUE_LENGTH = 6000
FAILED = {"failed": True}
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""With MLflow's defaults a server that does not answer holds a finished run for four minutes."""


def import_records(
    folder: Path = FOLDER, store: Path = STORE, tracking_uri: str | None = None
) -> dict[str, int]:
    """Bring every ended job into MLflow: an experiment per entry, in it one run with a nested run per record.

    The entry's own run shows its decision: tags, figures, documents, and the released generator.

    What is there already stays; a run that its job began on a server is completed.

    Parameters
    ----------
    folder : Path
        The run records.
    store : Path
        Folder of the embedded store (`mlflow.db`, `artifacts/`) and of the index `imported.json`.
    tracking_uri : str or None
        Another MLflow store, used as it is; None means the embedded one.

    Returns
    -------
    dict
        How many records were `imported`, `unchanged`, and still `running` (left for the next import).
    """
    counts = Counter(imported=0, unchanged=0, running=0)
    index = {}
    with alone(store):
        target = Target(store, tracking_uri)
        records = read_records(folder)
        for record in records:
            if record.status == "RUNNING":
                counts["running"] += 1
                continue
            entry = record.fields["entry"]
            run_id = target.holds(entry, record)
            counts["unchanged" if run_id else "imported"] += 1
            run_id = run_id or target.add(entry, record)
            index[record.id] = {"run": run_id, "experiment": entry, "status": record.status}
        for entry in sorted({one.fields["entry"] for one in records if one.status != "RUNNING"}):
            own = [one for one in records if one.fields["entry"] == entry]
            target.close_parent(entry, own)
            target.tell(entry, own)
        write_json(store / INDEX, index)
    return dict(counts)


def import_whole_results(index: Path, tracking_uri: str | None, step: "Step") -> None:
    """As `import_records`, where the results are whole already: a store that takes nothing must not fail their run.

    The run is then recorded as failed, and `forget_failed_import` makes the next run try again. The text
    of the error stays out of the log, since it may hold an address with a password.
    """
    try:
        counts = import_records(store=index.parent, tracking_uri=tracking_uri)
    except Exception as error:  # mlflow, SQLAlchemy and requests raise many kinds
        found = f"nothing was imported ({type(error).__name__})"
        advice = "check tracking.uri and the store, move a damaged mlflow.db away, and run the same command again"
        step.fail(f"MLflow store: {found}; the results are whole; {advice}")
        write_json(index, FAILED)
        return
    step.info("imported %d runs, %d were there before, %d still run", *counts.values())


def forget_failed_import(index: Path) -> None:
    """Remove the index of an import that took nothing, after the run: Snakemake wants it until then."""
    with suppress(OSError, ValueError):
        if read_json(index) == FAILED:
            index.unlink()


def import_in_subprocess(tracking_uri: str | None = None) -> None:
    """As `import_records`, in another process, for Snakemake's handlers; what fails there is only logged."""
    variables = environment_for_package()
    # not an argument: an address may hold a password
    variables["MLFLOW_TRACKING_URI"] = tracking_uri or ""
    subprocess.run([sys.executable, "-m", __name__], env=variables, check=False)


class Target:
    """An MLflow store that takes records."""

    def __init__(self, store: Path, tracking_uri: str | None) -> None:
        # read when mlflow is imported
        os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
        for name, value in PATIENCE.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        self.artifacts = None if tracking_uri else (store / "artifacts").resolve()
        self.client = MlflowClient(tracking_uri or _database(store))
        self.experiment = cache(self._experiment)
        self.runs = cache(self._runs)

    def holds(self, entry: str, record: Record) -> str | None:
        """Return the run that was imported from exactly this record, if there is one."""
        same = (
            run for run in self.runs(entry)[record.id] if run.data.tags.get(DIGEST) == record.digest
        )
        return next((str(run.info.run_id) for run in same), None)

    def add(self, entry: str, record: Record) -> str:
        """Import one record; its digest is written last, so that an import cut short is recognised and replaced."""
        begun = None
        for run in self.runs(entry)[record.id]:
            if run.info.lifecycle_stage == "active":
                if LIVE in run.data.tags and DIGEST not in run.data.tags and begun is None:
                    # by the job itself; the same metrics twice are one metric
                    begun = str(run.info.run_id)
                else:
                    self.client.delete_run(run.info.run_id)
        tags = {**_tags(record), PARENT: self.parent(entry, record.fields["start_ms"])}
        run_id = begun or self._create(entry, record.fields["start_ms"], _title(record), tags)
        if begun:
            self.client.update_run(run_id, name=_title(record))
            for name, value in tags.items():
                self.client.set_tag(run_id, name, value)
        self._values(run_id, record)
        for path in record.artifacts:
            self._copy(run_id, path, entry)
        self.client.set_terminated(run_id, record.status, record.end_ms)
        self.client.set_tag(run_id, DIGEST, record.digest)
        return run_id

    def parent(self, entry: str, start_ms: int) -> str:
        """Return the run that those of an entry are nested in; one that a user deleted is not made again."""
        found = self.runs(entry)[_whole(entry)]
        if not found:
            tags = {RECORD_ID: _whole(entry), "avatarflow.kind": "entry"}
            found.append(self.client.get_run(self._create(entry, start_ms, entry, tags)))
        return str(found[0].info.run_id)

    def close_parent(self, entry: str, records: list[Record]) -> None:
        """Give the entry's run the state of its jobs: of each name, the newest counts."""
        parent = self.runs(entry)[_whole(entry)]
        newest = {_title(one): one.status for one in records}
        states = set(newest.values())
        status = (
            "RUNNING"
            if "RUNNING" in states
            else "FAILED"
            if states & {"FAILED", "KILLED"}
            else "FINISHED"
        )
        end_ms = max(one.end_ms for one in records)
        if not parent or parent[0].info.lifecycle_stage != "active":
            return
        info = self.client.get_run(parent[0].info.run_id).info
        if status == "RUNNING" or (info.status, info.end_time) == (status, end_ms):
            return
        self.client.set_terminated(info.run_id, status, end_ms)

    def tell(self, entry: str, records: list[Record]) -> None:
        """Show in the entry's run what was decided about it; a run that a user deleted is left alone."""
        parent, facts = self.runs(entry)[_whole(entry)], facts_of(entry, records)
        if parent and facts and parent[0].info.lifecycle_stage == "active":
            end_ms = max(one.end_ms for one in records)
            show(self.client, str(parent[0].info.run_id), facts, end_ms)

    def _create(self, entry: str, start_ms: int, name: str, tags: dict[str, str]) -> str:
        run = self.client.create_run(self.experiment(entry), start_ms, tags=tags, run_name=name)
        return str(run.info.run_id)

    def _values(self, run_id: str, record: Record) -> None:
        from mlflow.entities import Metric, Param

        fields = record.fields
        params = [
            Param(key(name), str(value)[:VALUE_LENGTH]) for name, value in fields["params"].items()
        ]
        metrics = [
            Metric(key(row["name"]), float(row["value"]), row["time_ms"], row["step"])
            for row in record.metrics
        ]
        cost = [name for name in ("wall_s", "peak_mb") if name in fields]
        metrics += [Metric(name, fields[name], record.end_ms, 0) for name in cost]
        for start in range(0, len(params), PARAMS_PER_BATCH):
            self.client.log_batch(run_id, params=params[start : start + PARAMS_PER_BATCH])
        for start in range(0, len(metrics), METRICS_PER_BATCH):
            self.client.log_batch(run_id, metrics=metrics[start : start + METRICS_PER_BATCH])

    def _copy(self, run_id: str, path: Path, entry: str) -> None:
        """Copy a file of the results under its folder inside its entry; anything else is left out."""
        whole, results = path.resolve(), RESULTS.resolve()
        if whole.is_file() and whole.is_relative_to(results):
            home = results / entry
            folder = whole.parent.relative_to(home if whole.is_relative_to(home) else results)
            self.client.log_artifact(run_id, str(whole), None if folder == Path() else str(folder))

    def _experiment(self, entry: str) -> str:
        found = self.client.get_experiment_by_name(entry)
        if found is None:
            location = None if self.artifacts is None else (self.artifacts / entry).as_uri()
            return str(self.client.create_experiment(entry, artifact_location=location, tags=KIND))
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        for name, value in KIND.items():  # begun by a job on a server
            if name not in found.tags:
                self.client.set_experiment_tag(found.experiment_id, name, value)
        return str(found.experiment_id)

    def _runs(self, entry: str) -> defaultdict[str, list[Any]]:
        """Earlier imports by record id; deleted ones too, because what a user deleted must not come back."""
        from mlflow.entities import ViewType

        found: defaultdict[str, list[Any]] = defaultdict(list)
        token: str | None = None
        while token != "":
            page = self.client.search_runs(
                [self.experiment(entry)], "", ViewType.ALL, 1000, page_token=token
            )
            for run in page:
                found[run.data.tags.get(RECORD_ID, "")].append(run)
            token = page.token or ""
        return found


@contextmanager
def alone(store: Path) -> Iterator[None]:
    """One import at a time: many writers on one SQLite file lock and race."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _database(store: Path) -> str:
    """Return the embedded database's address; a missing one is made with all its tables or not at all."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    database = (store / "mlflow.db").resolve()
    if not database.is_file():
        with replacing(database) as path:
            SqlAlchemyStore(
                f"sqlite:///{path}", str(database.parent / "artifacts")
            ).engine.dispose()
    return f"sqlite:///{database}"


def _whole(entry: str) -> str:
    """Return what stands for a record's id in the run of a whole entry."""
    return f"entry:{entry}"


def _tags(record: Record) -> dict[str, str]:
    fields = record.fields
    tags = {
        RECORD_ID: record.id,
        "avatarflow.kind": fields["kind"],
        "mlflow.source.name": fields["kind"],
    }
    tags |= {"mlflow.source.type": "JOB", "mlflow.source.git.commit": fields["git_commit"]}
    return tags | ({"avatarflow.error": fields["error"]} if fields.get("error") else {})


def _title(record: Record) -> str:
    """Return the rule and what tells its jobs apart: its wildcards without the entry's own name."""
    fields = record.fields
    wildcards = [
        str(value) for name, value in fields["params"].items() if name.startswith("wildcard.")
    ]
    return " ".join(
        [
            fields["kind"],
            *(value for value in wildcards if value != fields["entry"].rpartition("/")[2]),
        ]
    )


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    counted = import_records(tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or None)
    logging.info("MLflow: %s", ", ".join(f"{number} {name}" for name, number in counted.items()))
