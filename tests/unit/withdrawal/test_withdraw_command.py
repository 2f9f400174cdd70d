"""A withdrawal as a whole: what it deletes and writes, twice, killed anywhere, beside a run, and in MLflow."""

import json
import logging
import shutil
import stat
from pathlib import Path

import clinic
import pytest
import yaml
from site_keys import site

from avatarflow.core.digest import file_sha256
from avatarflow.core.errors import AvatarflowError
from avatarflow.release.signing import read_signer
from avatarflow.withdrawal import command, protocol, store
from avatarflow.withdrawal.journal import FOLDER, JOURNAL, refuse_begun

NO_STORE = {"runs": {}, "model_versions": [], "elsewhere": 0}
TOP = ("results", "data")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    home = tmp_path / "run"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setattr(command, "cancel_orphans", lambda folder: [])
    clinic.write_originals()
    clinic.make_pool(clinic.config())
    clinic.make_release()
    return home


def withdraw(settings=None, names=("eyes",), whole=False, only_list=False):
    command.withdraw(settings or clinic.config(), names, whole, only_list)


def content(top="results"):
    return {str(path): path.read_bytes() for path in Path(top).rglob("*") if path.is_file()}


def protocols():
    return [
        json.loads(path.read_bytes()) for path in sorted(FOLDER.glob(16 * "[0-9a-f]" + ".json"))
    ]


def test_nothing_is_done_where_nobody_has_withdrawn(caplog):
    before = content()
    with caplog.at_level(logging.INFO):
        withdraw()
    assert content() == before
    assert "nobody in the pools of eyes has withdrawn" in caplog.text


def test_a_list_deletes_nothing_and_names_nobody(caplog):
    clinic.list_gone("p2")
    before = content()
    with caplog.at_level(logging.INFO):
        withdraw(only_list=True)
    assert content() == before
    assert "releases/eyes: 1 withdrawn list; 9 outputs go back to that" in caplog.text
    assert "releases/eyes was released (certificate " in caplog.text
    assert "p2" not in caplog.text


def test_what_goes_back_to_the_patient_is_deleted_and_on_record(folder, tmp_path):
    clinic.list_gone("p1")
    Path("results/report.html").write_text("all pages")
    leftover = Path("results/.writing-x/half.parquet")
    leftover.parent.mkdir()
    leftover.write_text("half")
    kept = Path("results/bases/f00/model_index.json")
    clinic.made(kept, "pretrain")
    digests = {path: file_sha256(path) for path in content() if path != str(kept)}
    keys = {"signing": site(tmp_path / "site", seed=1)}
    withdraw(clinic.config() | keys)
    assert set(content()) == {str(kept), *(str(path) for path in FOLDER.iterdir())}
    (record,) = protocols()
    assert {one["path"]: one["sha256"] for one in record["deleted"]} == digests
    assert record["deleted"][0]["path"] == f"{clinic.HOME}/release/certificate.json"
    assert protocol.is_whole(record)
    assert record["mlflow"] == NO_STORE
    entry = record["entries"][clinic.ENTRY]
    assert entry["patients_by_cause"] == {"withdrawn list": 1}
    assert entry["rules"]["finetune"] == entry["rules"]["distill"] == 1
    assert entry["pictures"] == 2
    (released,) = record["released"].values()
    # candidates 2 to 4 of four match row 3 or 4, and two of them are accepted
    assert released["risk"] == {
        "candidates_nearest": 3, "accepted": 2, "rejected": 1, "smallest_ratio": 1.125,
        "attacks": 6, "worst_in_attacks": 1, "attack_conclusions": ["pass"],
    }  # fmt: skip
    assert released["certificate_sha256"] == digests[f"{clinic.HOME}/release/certificate.json"]
    path = FOLDER / f"{record['digest'][:16]}.json"
    signature = path.with_name(f"{path.name}.sig").read_bytes()
    read_signer(keys["signing"]).certificate.public_key().verify(signature, path.read_bytes())
    private = path.with_name(path.stem + ".internal.json")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    (person,) = json.loads(private.read_bytes())[clinic.ENTRY].values()
    assert person["risk"]["accepted"] == 2
    for each in FOLDER.iterdir():
        assert b'"p1"' not in each.read_bytes()


def count_steps(patched, dies_at=None):
    """Count deletions and writings; the process dies behind one of them."""
    steps = [0]

    def counted(function):
        def wrapped(*arguments, **options):
            done = function(*arguments, **options)
            steps[0] += 1
            if steps[0] == dies_at:
                raise KeyboardInterrupt
            return done

        return wrapped

    for name in ("unlink", "rmdir", "replace"):
        patched.setattr(Path, name, counted(getattr(Path, name)))
    return steps


def test_killed_anywhere_and_called_again_it_ends_the_same(monkeypatch, tmp_path):
    clinic.list_gone("p1")
    for top in TOP:
        shutil.copytree(top, tmp_path / top)
    plan = command.make_plan(clinic.config(), ["eyes"], False)
    looked = command.make_plan
    # the originals are read once: a look at what is left finds nothing
    monkeypatch.setattr(
        command,
        "make_plan",
        lambda *asked: plan if (clinic.HOME / "pool").exists() else looked(*asked),
    )
    with monkeypatch.context() as patched:
        steps = count_steps(patched)
        withdraw()
    wanted = content()
    assert steps[0] > 30
    for n in range(1, steps[0] + 1):
        for top in TOP:
            shutil.rmtree(top, ignore_errors=True)
            shutil.copytree(tmp_path / top, top)
        with monkeypatch.context() as patched:
            count_steps(patched, n)
            with pytest.raises(KeyboardInterrupt):
                withdraw()
        if JOURNAL.exists():
            with pytest.raises(AvatarflowError, match="begun and has not ended"):
                refuse_begun()
        else:  # before its first deletion, or behind its last
            assert (clinic.HOME / "report.html").exists() or content() == wanted
        withdraw()
        assert content() == wanted, n
        refuse_begun()


def test_a_second_call_does_nothing_until_a_run_has_made_it_again(caplog):
    clinic.list_gone("p1")
    withdraw()
    before = content()
    with caplog.at_level(logging.INFO):
        withdraw()
    assert content() == before
    assert "is not made again yet" in caplog.text

    (first,) = protocols()
    clinic.run_record("finetune", start_ms=first["begun_ms"] - 1)
    clinic.run_record("intake", start_ms=first["begun_ms"])
    clinic.make_pool(clinic.config())
    clinic.make_release()
    withdraw()
    (path,) = FOLDER.glob("*.rerun.json")
    second = json.loads(path.read_bytes())
    assert second["protocol"] == first["digest"]
    assert second["jobs"] == {clinic.ENTRY: {"intake: finished": 1}}
    again = {one["path"]: one["sha256"] for one in second["made_again"]}
    assert again[f"{clinic.HOME}/report.html"] == file_sha256(clinic.HOME / "report.html")
    assert second["not_made_again"] == second["not_looked_at"] == []
    before = content()
    withdraw()
    assert content() == before


def test_only_a_call_that_looks_at_all_entries_of_a_protocol_ends_it(caplog):
    clinic.made("results/audits/a/audit.json", "audit", clinic.HOME / "student/model_index.json")
    settings = clinic.config()
    settings["releases"]["other"] = settings["releases"]["eyes"]
    settings["audits"]["a"] = {}
    clinic.list_gone("p1")
    withdraw(settings)
    clinic.make_pool(settings)
    clinic.make_release()
    clinic.made("results/audits/a/audit.json", "audit", clinic.HOME / "student/model_index.json")
    clinic.list_gone("p1", "p4")  # who is in the pool of eyes
    with caplog.at_level(logging.INFO):
        withdraw(settings, ["other"])
    assert not list(FOLDER.glob("*.rerun.json"))
    assert "releases/eyes not looked at now, so it is not ended" in caplog.text
    clinic.list_gone("p1")
    withdraw(settings)
    (path,) = FOLDER.glob("*.rerun.json")
    assert json.loads(path.read_bytes())["not_looked_at"] == ["audits/a"]


def test_a_protocol_that_was_changed_is_noticed():
    clinic.list_gone("p1")
    withdraw()
    (path,) = FOLDER.glob(16 * "[0-9a-f]" + ".json")
    path.write_text(path.read_text().replace('"patients":1', '"patients":0'))
    with pytest.raises(AvatarflowError, match="changed after it was written"):
        withdraw()


def test_a_run_that_goes_on_stops_it_and_so_does_one_that_begins_meanwhile(monkeypatch):
    clinic.list_gone("p1")
    lock = Path(".snakemake/locks/0.output.lock")
    lock.parent.mkdir(parents=True)
    lock.write_text("results/x\n")
    owner = Path(".snakemake/avatarflow-owners/elsewhere.json")
    owner.parent.mkdir(parents=True)
    owner.write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": "once"}))
    before = content()
    with pytest.raises(AvatarflowError, match="a run is going on"):
        withdraw()
    lock.unlink()
    planned = command.make_plan

    def meanwhile(*arguments):
        plan = planned(*arguments)
        lock.write_text("results/x\n")
        return plan

    monkeypatch.setattr(command, "make_plan", meanwhile)
    with pytest.raises(AvatarflowError, match="a run is going on"):
        withdraw()
    assert content() == before


def test_a_pool_that_a_failed_run_left_out_is_no_reason_to_find_nothing():
    shutil.rmtree(clinic.HOME / "pool/pictures")
    with pytest.raises(AvatarflowError, match="its pool is gone, and what was made of it is not"):
        withdraw()
    withdraw(whole=True)
    assert not clinic.HOME.exists()
    assert protocols()[0]["entries"][clinic.ENTRY]["earlier_pool"]
    withdraw()  # and now there is nothing left


def test_a_new_pool_without_the_patient_does_not_hide_what_was_made_of_the_old_one():
    clinic.list_gone("p1")
    clinic.make_pool(clinic.config())
    for number, name in enumerate(("pool/pictures", "pool/summary.json")):
        clinic.record(clinic.HOME / name, "intake", ended=30 + number)
    withdraw()
    (record,) = protocols()
    assert record["entries"][clinic.ENTRY]["patients"] == 0
    assert record["released"][clinic.ENTRY]["risk"].startswith("not known: ")
    assert not clinic.HOME.exists()


@pytest.mark.parametrize("part", ["pool", "teacher/weights.safetensors"])
def test_a_link_in_what_would_be_deleted_stops_it(tmp_path, part):
    place = clinic.HOME / part
    shutil.move(place, tmp_path / "disk")
    place.symlink_to(tmp_path / "disk")
    clinic.list_gone("p1")
    before = content()
    with pytest.raises(AvatarflowError, match=r"^withdrawal: 1 symbolic links in what would"):
        withdraw()
    assert content() == before
    assert not JOURNAL.exists()
    place.unlink()
    shutil.move(tmp_path / "disk", place)
    withdraw()
    assert not place.exists()


def test_an_entry_that_lies_on_another_disk_is_deleted_there(tmp_path):
    shutil.move(clinic.HOME, tmp_path / "disk")
    clinic.HOME.symlink_to(tmp_path / "disk")
    clinic.list_gone("p1")
    withdraw()
    assert not [path for path in (tmp_path / "disk").rglob("*") if path.is_file()]


@pytest.mark.parametrize("whole", [False, True])
def test_a_pool_without_records_stops_it_since_weights_of_others_cannot_be_told(whole):
    clinic.list_gone("p1")
    records = Path(".snakemake/metadata")
    shutil.move(records, "kept")
    before = content()
    with pytest.raises(
        AvatarflowError, match=r"^withdrawal: 1 pools of which \.snakemake/metadata"
    ):
        withdraw(whole=whole)
    clinic.record("results/releases/eyes2/pool/pictures", "intake")  # of an entry named alike
    with pytest.raises(AvatarflowError, match="does not know how they were made; put back"):
        withdraw(whole=whole)
    assert content() == before
    shutil.rmtree(records)
    shutil.move("kept", records)
    withdraw(whole=whole)
    assert not clinic.HOME.exists()
    shutil.rmtree(records)
    withdraw()  # without a pool nothing has to be known


def test_a_release_without_a_pool_is_told_since_the_folder_may_be_another_one(caplog):
    settings = clinic.config()
    settings["releases"]["elsewhere"] = settings["releases"]["eyes"]
    with caplog.at_level(logging.INFO):
        withdraw(settings, ("eyes", "elsewhere"))
    assert "nobody in the pools of eyes has withdrawn" in caplog.messages
    told = "releases/elsewhere has no pool in this folder: nobody is looked for"
    assert [line for line in caplog.messages if "no pool" in line] == [told]


def test_others_who_hold_the_pictures_are_named(caplog):
    clinic.make_pool(clinic.config(), "audits/a")
    clinic.list_gone("p1")
    with caplog.at_level(logging.INFO):
        withdraw()
    assert protocols()[0]["also_held_by"] == ["audits/a"]
    assert protocols()[0]["not_looked_at"] == ["audits/a"]
    assert Path("results/audits/a/pool/pictures/00000.parquet").exists()
    assert "audits/a is not in this configuration: not looked at" in caplog.text


def test_reads_and_tables_are_named_since_nobody_looks_at_them(caplog):
    clinic.made("results/tables/old/certificate.json", "release_table")
    settings = clinic.config()
    settings["read_releases"]["sample"] = settings["read_benchmarks"]["own"] = {}
    named = "is not looked at, and may hold data of patients who have withdrawn"
    for patient in ("p99", "p1"):  # nobody, and somebody
        clinic.list_gone(patient)
        caplog.clear()
        with caplog.at_level(logging.INFO):
            withdraw(settings)
        assert f"tables/old {named}" in caplog.text
        assert f"read_releases/sample {named}" in caplog.text
        assert f"read_benchmarks/own {named}" in caplog.text
    expected = ["read_benchmarks/own", "read_releases/sample", "tables/old"]
    assert protocols()[0]["not_looked_at"] == expected
    assert Path("results/tables/old/certificate.json").exists()


def test_results_of_an_entry_that_was_renamed_are_not_taken_for_nobodys():
    clinic.list_gone("p1")
    settings = clinic.config()
    settings["releases"]["eyes2"] = settings["releases"].pop("eyes")
    before = content()
    for left in (clinic.HOME / "pool", clinic.HOME, Path("results/state")):
        found = (
            "^withdrawal: releases/eyes of another configuration, .*; call with the configuration"
        )
        with pytest.raises(AvatarflowError, match=found):
            withdraw(settings, ["eyes2"])
        assert content() == before
        with pytest.raises(AvatarflowError, match=found):
            withdraw(settings, ["eyes2"], only_list=True)
        shutil.rmtree(left)
        before = content()
    withdraw(settings, ["eyes2"])


def test_the_command_line(caplog, tmp_path):
    settings = {"source": {"manifest": "data/m.csv", "root": "data"}, "gates": {}}
    settings |= {"patient_id_columns": ["patient"], "size_px": 16, "withdrawn": "data/gone.csv"}
    entries = {"eyes": settings, "drawn": {"source": {"generate": {}}, "gates": {}}}
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"releases": entries, "compute": {"threads": 1}}))
    asked = ["--config", str(file)]
    with caplog.at_level(logging.INFO):
        assert command.main([*asked, "--entry", "drawn"]) == 2
        assert command.main([*asked, "--everybody"]) == 2
        assert "withdraw ENTRY: no release of patients of that name; there are eyes" in caplog.text
        assert command.main(asked) == 0
        assert "nobody in the pools of eyes has withdrawn" in caplog.text
    clinic.list_gone("p1")
    assert command.main(asked) == 0
    assert not clinic.HOME.exists()


def test_mlflow_tells_what_is_tainted_and_keeps_none_of_its_files(caplog):
    from avatarflow.runs.tracking import import_records

    (clinic.HOME / "release/certificate.json").unlink()  # nothing is decided yet
    made = clinic.HOME / "figure.png"
    made.write_text("drawn of a patient")
    clinic.run_record("evaluate", start_ms=1, artifacts=[str(made)])
    base = Path("results/bases/f00/figure.png")
    clinic.made(base, "pretrain", params=[repr(clinic.ENTRY)], content="drawn of generated eyes")
    clinic.run_record("pretrain", start_ms=2, artifacts=[str(base)])
    import_records()
    assert sorted(content("results/mlflow/artifacts").values()) == [
        b"drawn of a patient",
        b"drawn of generated eyes",
    ]
    clinic.list_gone("p1")
    withdraw()
    assert list(content("results/mlflow/artifacts").values()) == [b"drawn of generated eyes"]
    target = store.Target(store.STORE, None)
    runs = {run.data.tags["avatarflow.kind"]: run for run in store._runs(target, clinic.ENTRY)}
    tainted = {kind: run.data.tags.get("tainted") for kind, run in runs.items()}
    assert tainted == {
        "pretrain": None, "evaluate": "withdrawn consent", "entry": "withdrawn consent",
    }  # fmt: skip
    assert len(protocols()[0]["mlflow"]["runs"][clinic.ENTRY]) == 2
    import_records()
    assert list(content("results/mlflow/artifacts").values()) == [b"drawn of generated eyes"]
    before = content()
    withdraw()
    assert content() == before


@pytest.mark.parametrize("pool", ["made again", "gone"])
def test_mlflow_of_an_earlier_pool_is_noticed_where_a_run_came_first(pool):
    from avatarflow.runs.tracking import import_records

    (clinic.HOME / "release/certificate.json").unlink()  # nothing is decided yet
    made = clinic.HOME / "figure.png"
    made.write_text("drawn of a patient")
    clinic.run_record("evaluate", start_ms=9_999, artifacts=[str(made)])
    import_records()
    shutil.rmtree("results/releases")
    shutil.rmtree("results/state")
    clinic.list_gone("p1")
    if pool == "made again":  # begun at 10 s
        clinic.make_pool(clinic.config())
    before = content("results/mlflow/artifacts")
    with pytest.raises(AvatarflowError, match=r"^withdrawal from releases/eyes: MLflow keeps"):
        withdraw()
    assert content("results/mlflow/artifacts") == before != {}
    withdraw(clinic.config(withdrawn=None))  # nobody can withdraw
    withdraw(whole=True)
    assert content("results/mlflow/artifacts") == {}
    assert protocols()[0]["entries"][clinic.ENTRY]["earlier_pool"]

    clinic.make_pool(clinic.config())
    made.write_text("drawn of others")
    clinic.run_record("evaluate", start_ms=10_000, artifacts=[str(made)])
    import_records()
    target = store.Target(store.STORE, None)
    (whole,) = target.runs(clinic.ENTRY)[f"entry:{clinic.ENTRY}"]  # begun long ago, and told anew
    target.client.log_artifact(whole.info.run_id, str(made))
    withdraw()
    assert len(content("results/mlflow/artifacts")) == 2


def test_generators_and_files_of_an_earlier_pool_that_mlflow_keeps_are_noticed():
    stray = store.ARTIFACTS / clinic.ENTRY / "unknown/artifacts/weights"
    stray.parent.mkdir(parents=True)
    stray.write_text("of a patient")
    with pytest.raises(AvatarflowError, match="MLflow keeps files"):
        withdraw()
    withdraw(whole=True)
    assert not stray.exists()
    clinic.make_pool(clinic.config())
    withdraw()

    target = store.Target(store.STORE, None)
    run = target.client.create_run(target.experiment(clinic.ENTRY), start_time=10_000)
    target.client.create_registered_model("eyes")
    target.client.create_model_version("eyes", "models", run.info.run_id)
    withdraw()
    clinic.record(clinic.HOME / "pool/pictures", "intake", ended=2e10)
    clinic.record(clinic.HOME / "pool/summary.json", "intake", ended=2e10)
    with pytest.raises(AvatarflowError, match="MLflow keeps files"):
        withdraw()
    withdraw(whole=True)
    withdraw()
