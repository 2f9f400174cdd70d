"""What is removed after a run, and what stays so that a killed job can go on."""

import json

import pytest

from avatarflow.runs.purging import purge_after_run, purge_all

PATIENT = b"a patient who has withdrawn"


@pytest.fixture
def folder(tmp_path):
    for place in (
        "releases/done/finetune/old",
        "releases/killed/finetune/new",
        "bases/made",
        "bases/half",
        "audits/gone/x",
    ):
        path = tmp_path / "results/state" / place
        path.mkdir(parents=True)
        (path / "checkpoint.safetensors").write_bytes(PATIENT)
    for made in ("releases/done/release/certificate.json", "bases/made/model_index.json"):
        path = tmp_path / "results" / made
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"decision": "refuse"}))
    (tmp_path / "results/releases/done/.writing-pool-x").mkdir()
    (tmp_path / "results/releases/done/.writing-pool-x/shard.parquet").write_bytes(PATIENT)
    (tmp_path / "results/releases/done/.writing-a.json-y").write_bytes(PATIENT)
    return tmp_path


def held(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and PATIENT in path.read_bytes()]
    return sorted(path.parent.relative_to(folder / "results").as_posix() for path in files)


def test_state_of_what_is_made_goes_and_that_of_killed_work_stays(folder):
    config = {"releases": {"done": {}, "killed": {}}, "audits": {}}
    assert purge_after_run(config, folder) == 4
    assert held(folder) == [
        "state/audits/gone/x",
        "state/bases/half",
        "state/releases/killed/finetune/new",
    ]


def test_a_purge_leaves_nothing(folder):
    purge_all(folder)
    assert held(folder) == []
    assert (folder / "results/releases/done/release/certificate.json").exists()


def test_nothing_to_purge(tmp_path):
    assert purge_after_run({"releases": {"x": {}}}, tmp_path) == purge_all(tmp_path) == 0
