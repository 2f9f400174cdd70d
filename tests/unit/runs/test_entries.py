"""The run of a whole entry in MLflow: found by its decision, and its generator only where that was released."""

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from test_tracking import client, recorded, whole

from avatarflow.runs.tracking import import_records
from avatarflow.withdrawal import store

SIDE = 4
CANARY = "canary-4711"
GATE = {
    "name": "agreement.sex", "value": 0.95, "low": 0.9, "high": 0.97, "threshold": 0.8, "direction": "at least",
    "n": 20, "meaning": "what", "result": "pass", "held": 0.95,
}  # fmt: skip
MODEL_GATE = {
    "value": 0.5, "low": 0.45, "high": 0.55, "threshold": 0.6, "n": 200, "meaning": "no attack succeeds",
    "result": "pass", "attacks": {},
}  # fmt: skip
ASKED = {
    "conditions": {"sex": ["female", "male"]},
    "size_px": SIDE,
    "sample": {"student": {"guidance": [2.0], "steps": 5}},
}


def certificate(decision="pass", model="pass", gates=(GATE,)):
    return {
        "decision": decision,
        "reasons": [] if decision == "pass" else ["agreement.sex: fail"],
        "gates": list(gates),
        "model_gate": {**MODEL_GATE, "result": model},
        "asked": ASKED,
        "measured": {"counts": {"student": {"came": 20, "went_on": 18, "left_out": {"x": 2}}}},
    }


def student(folder, seed=0):
    """A generator of the simplest family: a mean per condition, and two components."""
    folder.mkdir(parents=True)
    draw = torch.Generator().manual_seed(seed)
    pixels = SIDE * SIDE * 3
    arrays = {"overall": (pixels,), "means": (2, pixels), "components": (2, pixels)}
    save_file(
        {name: 255 * torch.rand(shape, generator=draw) for name, shape in arrays.items()},
        folder / "gaussian.safetensors",
    )
    labels = {"0": "female", "1": "male", "2": "any"}
    index = {"_class_name": "PcaGaussian", "size_px": SIDE, "id2label": labels}
    (folder / "model_index.json").write_text(json.dumps(index))


def release(project, name="demo", decided=None, seed=0):
    """The files of a release; its model stands in it where the decision and the model gate let it out."""
    home = project / "results" / "releases" / name
    shutil.rmtree(home, ignore_errors=True)
    decided = decided or certificate()
    student(home / "student", seed)
    if decided["decision"] == decided["model_gate"]["result"] == "pass":
        shutil.copytree(home / "student", home / "release" / "model")
    files = {
        "release/certificate.json": json.dumps(decided),
        "dossier/en.html": "a dossier",
        "dossier/de.pdf": "ein Dossier",
        "evaluation/frontier.png": "a plot",
        "report.html": CANARY,
        "evaluation/nearest_pairs.png": CANARY,
        "refused.csv": CANARY,
    }
    if decided["decision"] == "pass":
        files["release/contact_sheet.png"] = "released pictures"
    for file, text in files.items():
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text(text)
    recorded(project, "release", entry=f"releases/{name}")


def artifacts(project, run_id):
    """Where the run's artifacts lie, as a user sees them."""
    store, found, folders = client(project), {}, [None]
    while folders:
        for each in store.list_artifacts(run_id, folders.pop()):
            if each.is_dir:
                folders.append(each.path)
            else:
                found[each.path] = each.file_size
    return set(found)


def released(project):
    store = client(project)
    every = [one.experiment_id for one in store.search_experiments()]
    return [
        run.data.tags["release"] for run in store.search_runs(every, "tags.decision = 'released'")
    ]


def versions(project, name="demo"):
    return client(project).search_model_versions(f"name = '{name}'")


def test_a_search_finds_exactly_what_was_released_and_jobs_lie_below_it(project):
    release(project)
    release(project, "second")
    release(project, "refused", certificate("refuse"))
    reads = project / "results/read_releases/stool/certificate.json"
    reads.parent.mkdir(parents=True)
    reads.write_text(json.dumps({"decision": "pass", "gates": [GATE], "asked": {}, "reasons": []}))
    recorded(project, "release_reads", entry="read_releases/stool")
    recorded(project, "intake", entry="releases/undecided")
    audit = project / "results/audits/foreign/audit.json"
    audit.parent.mkdir(parents=True)
    audit.write_text(json.dumps({"overall": "inconclusive", "answers": [], "asked": {}}))
    recorded(project, "audit_report", entry="audits/foreign")
    recorded(project, entry="workflow/shared")
    import_records()
    assert sorted(released(project)) == ["demo", "second", "stool"]
    decisions = {
        entry: whole(project, entry).data.tags.get("decision")
        for entry in ("releases/refused", "releases/undecided", "audits/foreign", "workflow/shared")
    }
    assert list(decisions.values()) == ["refused", "none", "inconclusive", None]
    parent, store = whole(project), client(project)
    kind = store.get_experiment(parent.info.experiment_id).tags["mlflow.experimentKind"]
    assert kind == "custom_model_development"
    for run in store.search_runs([parent.info.experiment_id]):
        if run.info.run_id != parent.info.run_id:
            assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
            assert "decision" not in run.data.tags


def test_the_run_shows_figures_documents_and_where_it_came_from(project):
    release(project)
    import_records()
    run = whole(project)
    gate = {name: run.data.metrics[f"gate.agreement.sex{name}"] for name in ("", ".low", ".high")}
    assert gate == {"": 0.95, ".low": 0.9, ".high": 0.97}
    assert run.data.metrics["gate.agreement.sex.threshold"] == 0.8
    assert run.data.metrics["model_gate.high"] == 0.55
    assert run.data.metrics["counts.student.went_on"] == 18
    tags = run.data.tags
    assert (tags["part"], tags["model_gate"], tags["model"]) == ("pictures", "pass", "released")
    assert (tags["version"], tags["commit"]) == ("0.1.0", tags["mlflow.source.git.commit"])
    assert len(tags["config_digest"]) == len(tags["certificate_digest"]) == 16
    shown = {path for path in artifacts(project, run.info.run_id) if not path.startswith("models/")}
    assert shown == {
        "release/certificate.json", "dossier/en.html", "dossier/de.pdf", "plots/frontier.png",
        "plots/contact_sheet.png", "model_signature.json",
    }  # fmt: skip


def test_nothing_that_shows_an_original_or_a_person_comes_into_the_store(project):
    release(project)
    import_records()
    for path in (project / "results/mlflow").rglob("*"):
        assert "nearest_pairs" not in path.name
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path.name


def test_a_second_import_changes_nothing_of_the_entry(project):
    release(project)
    import_records()

    def stored():
        store = project / "results/mlflow"
        return {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}

    before = stored()
    import_records()
    assert stored() == before


def test_a_release_that_is_refused_by_now_is_found_no_more(project):
    release(project)
    import_records()
    first = whole(project).info.run_id
    assert artifacts(project, first) >= {"plots/contact_sheet.png"}
    other = {**GATE, "name": "kid_ratio", "value": 9.0, "result": "fail"}
    release(project, decided=certificate("refuse", gates=[other]))
    import_records()
    run = whole(project)
    assert (run.info.run_id, released(project)) == (first, [])
    assert run.data.tags["reasons"] == "agreement.sex: fail"
    assert math.isnan(run.data.metrics["gate.agreement.sex"])
    assert run.data.metrics["gate.kid_ratio"] == 9.0
    shown = artifacts(project, first)
    assert "plots/contact_sheet.png" not in shown
    assert not [path for path in shown if path.startswith("models/")]
    assert versions(project) == []
    (project / "results/releases/demo/release/certificate.json").unlink()
    import_records()
    assert whole(project).data.tags["decision"] == "none"
    assert "certificate_digest" not in whole(project).data.tags


def test_a_generator_that_was_withdrawn_is_tainted_and_equal_weights_are_registered_anew(project):
    release(project)
    import_records()
    (version,) = versions(project)
    found = store.find(None, {"releases/demo": frozenset()})
    assert any(f"/models/{version.tags['student_digest']}/" in path for path in found["files"])
    assert [one["version"] for one in found["model_versions"]] == [str(version.version)]
    for path in found["files"]:
        (project / path).unlink()
    for _ in range(2):
        store.taint(None, found)
    assert released(project) == []
    assert versions(project)[0].tags["tainted"] == "withdrawn consent"
    assert client(project).get_run(version.run_id).data.tags["tainted"] == "withdrawn consent"
    assert store.find(None, {"releases/demo": frozenset()}) == dict(store.NOTHING)

    import_records()  # the files are as before, as if they had been made again
    assert released(project) == ["demo"]
    assert "tainted" not in client(project).get_run(version.run_id).data.tags
    assert artifacts(project, version.run_id) >= {"release/certificate.json", "dossier/en.html"}
    tags = {one.version: one.tags.get("tainted") for one in versions(project)}
    assert tags == {1: "withdrawn consent", 2: None}
    import_records()
    assert len(versions(project)) == 2


def test_an_import_cut_short_is_not_found_as_released_and_is_completed(project, monkeypatch):
    release(project)
    with monkeypatch.context() as patch:
        patch.setattr(
            "mlflow.MlflowClient.log_dict", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            import_records()
    assert (released(project), versions(project)) == ([], [])
    import_records()
    assert released(project) == ["demo"]
    assert len(versions(project)) == 1


def test_a_generator_that_did_not_pass_its_gate_is_not_registered(project):
    outcomes = [("pass", "fail"), ("pass", "inconclusive"), ("refuse", "pass"), ("refuse", "fail")]
    for decision, model in outcomes:
        release(project, f"{decision}-{model}", certificate(decision, model))
    import_records()
    for decision, model in outcomes:
        run = whole(project, f"releases/{decision}-{model}")
        assert (run.data.tags["model"], run.data.tags["model_gate"]) == ("internal only", model)
        assert "model_signature.json" in artifacts(project, run.info.run_id)
    assert client(project).search_registered_models() == []
    assert not list((project / "results/mlflow").rglob("*.safetensors"))


def test_weights_other_than_those_that_were_judged_are_not_registered(project):
    release(project)
    weights = project / "results/releases/demo/release/model/gaussian.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    import_records()
    assert whole(project).data.tags["model"] == "internal only"
    assert client(project).search_registered_models() == []


def test_a_released_generator_is_registered_once_and_draws_what_its_signature_says(
    project, monkeypatch
):
    import mlflow

    release(project)
    import_records()
    recorded(project, "evaluate", entry="releases/demo")
    import_records()
    (version,) = versions(project)
    assert version.run_id == whole(project).info.run_id
    assert version.tags["decision"] == "released"
    assert not list((project / "results/mlflow").rglob("*.pkl"))
    database = f"sqlite:///{project}/results/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    model = mlflow.pyfunc.load_model(version.source)
    signature = model.metadata.signature
    assert signature.inputs.input_names() == ["sex", "seed"]
    asked = pd.DataFrame({"sex": ["female", "male", "female"], "seed": [1, 1, 1]})
    drawn = model.predict(asked)
    assert drawn.shape[1:] == signature.outputs.inputs[0].shape[1:] == (SIDE, SIDE, 3)
    assert drawn.dtype == signature.outputs.inputs[0].type
    assert np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn, model.predict(asked, params={"guidance": 0.0}))
    release(project, seed=1)  # trained again
    import_records()
    assert sorted(one.version for one in versions(project)) in (["1", "2"], [1, 2])
