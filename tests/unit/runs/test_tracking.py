"""The import of run records into MLflow: complete, once, whatever happened to the jobs."""

import json
import subprocess
import sys

import pytest

from avatarflow.runs.context import Step
from avatarflow.runs.records import Run
from avatarflow.runs.tracking import (
    forget_failed_import,
    import_in_subprocess,
    import_records,
    import_whole_results,
)

ENTRY = "releases/demo"


def recorded(project, kind="finetune", status="FINISHED", entry=ENTRY, losses=(0.5, 0.25)):
    run = Run(kind, entry, project / "results" / "records")
    run.params({"wildcard.name": "demo", "wildcard.shard": 3, "rate": 0.1})
    for step, loss in enumerate(losses):
        run.metric("loss", loss, step)
    if status != "RUNNING":
        run.finish(status, "refused" if status == "FAILED" else "")
    return run


def client(project):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{project}/results/mlflow/mlflow.db")


def runs(project, entry=ENTRY):
    store = client(project)
    found = store.search_runs([store.get_experiment_by_name(entry).experiment_id])
    return [run for run in found if run.data.tags["avatarflow.kind"] != "entry"]


def whole(project, entry=ENTRY):
    """The run that those of an entry are nested in."""
    store = client(project)
    found = store.search_runs([store.get_experiment_by_name(entry).experiment_id])
    (one,) = [run for run in found if run.data.tags["avatarflow.kind"] == "entry"]
    return one


def test_one_run_per_record_with_all_that_was_noted(project):
    made = recorded(project)
    figure = project / "results" / ENTRY / "privacy" / "figure.png"
    figure.parent.mkdir(parents=True)
    figure.write_bytes(b"a figure")
    made.artifact("results/releases/demo/privacy/figure.png")
    counts = import_records()
    (run,) = runs(project)
    assert counts == {"imported": 1, "unchanged": 0, "running": 0}
    assert run.data.params == {"wildcard.name": "demo", "wildcard.shard": "3", "rate": "0.1"}
    assert run.info.run_name == "finetune 3"
    assert (run.info.status, run.info.start_time, run.info.end_time) == (
        "FINISHED",
        made.record["start_ms"],
        made.record["end_ms"],
    )
    assert run.data.tags["avatarflow.record_id"] == made.id
    assert run.data.tags["mlflow.source.git.commit"] == made.record["git_commit"]
    assert run.data.metrics["peak_mb"] == made.record["peak_mb"]
    history = client(project).get_metric_history(run.info.run_id, "loss")
    assert [(one.step, one.value, one.timestamp) for one in history] == [
        (row["step"], row["value"], row["time_ms"]) for row in made.metrics
    ]
    stored = list((project / "results" / "mlflow" / "artifacts").rglob("figure.png"))
    assert [path.read_bytes() for path in stored] == [b"a figure"]
    assert stored[0].parent.name == "privacy"


def test_runs_of_a_release_are_nested_in_one_that_ends_as_its_jobs_do(project):
    recorded(project, "intake")
    recorded(project, "finetune", "FAILED")
    import_records()
    parent = whole(project)
    assert parent.info.run_name == ENTRY
    assert {run.data.tags["mlflow.parentRunId"] for run in runs(project)} == {parent.info.run_id}
    assert parent.info.status == "FAILED"
    good = recorded(project, "finetune")  # the same job, tried again
    import_records()
    assert whole(project).info.run_id == parent.info.run_id
    assert (whole(project).info.status, whole(project).info.end_time) == (
        "FINISHED",
        good.record["end_ms"],
    )


def test_a_second_import_changes_nothing(project):
    for kind in ("finetune", "sample"):
        recorded(project, kind)
    recorded(project, entry="audits/other")
    import_records()
    before = {
        path: path.read_bytes()
        for path in (project / "results" / "mlflow").rglob("*")
        if path.is_file()
    }
    assert import_records() == {"imported": 0, "unchanged": 3, "running": 0}
    assert {
        path: path.read_bytes()
        for path in (project / "results" / "mlflow").rglob("*")
        if path.is_file()
    } == before


def test_failed_killed_and_living_jobs(project):
    failed = recorded(project, "judge", "FAILED")
    killed = recorded(project, "sample", "RUNNING", losses=(1.0,))
    killed._lines.write('{"name": "loss", "val')  # died while writing
    killed._lines.close()
    living = recorded(project, "distill", "RUNNING")
    assert import_records() == {"imported": 2, "unchanged": 0, "running": 1}
    found = {run.data.tags["avatarflow.kind"]: run for run in runs(project)}
    assert {kind: run.info.status for kind, run in found.items()} == {
        "judge": "FAILED",
        "sample": "KILLED",
    }
    assert found["judge"].data.tags["avatarflow.error"] == failed.record["error"] == "refused"
    assert found["sample"].data.metrics["loss"] == 1.0
    assert found["sample"].info.end_time >= killed.record["start_ms"]
    living.finish("FINISHED")
    assert import_records() == {"imported": 1, "unchanged": 2, "running": 0}


def test_a_record_that_changed_after_its_import_is_replaced(project):
    run = recorded(project, status="RUNNING")
    run._lines.close()  # as on a file system without locks: taken for dead
    import_records()
    run._lines = None
    run.finish("FINISHED")
    assert import_records()["imported"] == 1
    assert [run.info.status for run in runs(project)] == ["FINISHED"]


def test_an_import_cut_short_is_completed_without_doubles(project, monkeypatch):
    recorded(project)
    with monkeypatch.context() as patch:
        patch.setattr(
            "mlflow.MlflowClient.set_terminated",
            lambda *_: (_ for _ in ()).throw(KeyboardInterrupt),
        )
        with pytest.raises(KeyboardInterrupt):
            import_records()
    assert import_records()["imported"] == 1
    assert [run.info.status for run in runs(project)] == ["FINISHED"]


def test_a_run_deleted_by_the_user_does_not_come_back(project):
    recorded(project)
    import_records()
    client(project).delete_run(runs(project)[0].info.run_id)
    assert import_records() == {"imported": 0, "unchanged": 1, "running": 0}
    assert not runs(project)


def test_only_files_of_the_results_are_copied_and_only_for_their_last_writer(project):
    (project / "secret.txt").write_text("outside")
    inside = project / "results" / ENTRY / "table.csv"
    inside.parent.mkdir(parents=True)
    inside.write_text("a table")
    (inside.parent / "link.txt").symlink_to(project / "secret.txt")
    for _ in range(2):
        run = recorded(project)
        for path in (
            "secret.txt",
            "results/releases/demo/link.txt",
            "results/releases/demo/gone.csv",
            inside,
        ):
            run.artifact(path)
    import_records()
    assert [
        path.name for path in (project / "results/mlflow/artifacts").rglob("*") if path.is_file()
    ] == ["table.csv"]


def test_many_metrics_odd_names_and_non_finite_values(project):
    run = recorded(project, status="RUNNING", losses=())
    run.params({"gate (KID, worst)": "x" * 7000})
    for step in range(2500):
        run.metric("loss", float("nan") if step == 2499 else step, step)
    run.metric("recall@0.1%", float("inf"))
    run.finish("FINISHED")
    import_records()
    (found,) = runs(project)
    assert len(client(project).get_metric_history(found.info.run_id, "loss")) == 2500
    assert "recall_0.1_" in found.data.metrics
    assert len(found.data.params["gate _KID_ worst_"]) == 6000


def test_the_import_itself_is_no_run(project):
    recorded(project, kind="track", entry="workflow/shared")
    assert import_records() == {"imported": 0, "unchanged": 0, "running": 0}
    forget_failed_import(project / "results/mlflow/imported.json")
    assert json.loads((project / "results/mlflow/imported.json").read_text()) == {}


def test_another_store_is_used_as_it_is(project):
    recorded(project)
    (project / "results/mlflow/mlflow.db").rename(project / "elsewhere.db")
    import_records(tracking_uri=f"sqlite:///{project}/elsewhere.db")
    assert not (project / "results/mlflow/mlflow.db").exists()
    assert import_records(tracking_uri=f"sqlite:///{project}/elsewhere.db")["unchanged"] == 1


def test_the_handler_imports_into_the_configured_store_whatever_the_environment_says(
    project, monkeypatch, capfd
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:1")
    recorded(project, status="FAILED")
    import_in_subprocess()
    assert "1 imported, 0 unchanged, 0 running" in capfd.readouterr().err
    assert [run.info.status for run in runs(project)] == ["FAILED"]


def test_importing_the_module_imports_no_mlflow(root):
    body = "import sys; import avatarflow.runs.tracking; sys.exit('mlflow' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", body], cwd=root / "workflow" / "scripts").returncode
        == 0
    )


def test_a_damaged_store_is_said_and_fails_no_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "results" / "mlflow"
    store.mkdir(parents=True)
    (store / "mlflow.db").write_bytes(b"no database" * 1000)
    step = Step.null()
    Run("intake", "releases/x", tmp_path / "results/records").finish("FINISHED", "")
    import_whole_results(store / "imported.json", None, step)
    assert step.failure.startswith("MLflow store: nothing was imported")
    assert (store / "imported.json").exists()
    forget_failed_import(store / "imported.json")
    assert not (store / "imported.json").exists()  # the next run tries again


def test_an_address_with_a_password_is_not_in_the_message(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    step = Step.null()
    Run("intake", "releases/x", tmp_path / "results/records").finish("FINISHED", "")
    import_whole_results(
        tmp_path / "results/mlflow/imported.json", "http://me:secret@127.0.0.1:9", step
    )
    assert step.failure
    assert "secret" not in step.failure
