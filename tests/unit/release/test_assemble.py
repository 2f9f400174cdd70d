"""The release folder: complete where the gates pass, empty of data where they do not, equal bytes, nothing personal."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from dossier_files import THRESHOLDS
from PIL import Image

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.sheet import CAPTION_PX, GAP_PX
from avatarflow.privacy.attacks.names import ON_MODEL
from avatarflow.quality import pairs
from avatarflow.quality.evaluation import accepted
from avatarflow.quality.pairs import (
    SIDE_PX,
    accepted_with_margin,
    judged_with_decision,
    nearest_pairs,
)
from avatarflow.quality.samples import Sample
from avatarflow.release.assemble import public_table, write_release
from avatarflow.release.gates.figures import ALWAYS_ABLE, smallest_condition
from avatarflow.release.gates.rules import OF_CONDITIONS
from avatarflow.release.report import officer_page_of
from avatarflow.release.step import release_entry
from avatarflow.runs.context import Step

CANARY = "canary-4711"
CONDITIONS = {"sex": ["female", "male"], "side": ["left", "right"]}
SETTINGS = {
    "title": "", "licence": "cc-by-4.0", "sources": ["Somebody et al. 2020"], "limits": [], "per_shard": 7,
    "sheet_pictures": 8, "sheet_columns": 4, "exports": [],
}  # fmt: skip
EVALUATION = {
    "worst": {
        "kid_ratio": {"value": 0.3, "low": 0.2, "high": 0.4, "n": 20, "encoder": "a"},
        "coverage_ratio": {"value": 0.9, "low": 0.8, "high": 1.0, "n": 20, "encoder": "a"},
    },
    "agreement": {
        name: {
            "asked": {"value": 0.95, "low": 0.9, "high": 0.97, "n": 20},
            "heldout_accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 20},
            "shuffled": {"value": 0.52, "low": 0.4, "high": 0.6, "n": 20},
            "chance": 0.5,
        }
        for name in CONDITIONS
    },
    "encoders": {},
}
CALIBRATED = {
    "miss": {"value": 0.0, "low": 0.0, "high": 0.06, "n": 60, "persons": 60, "method": "x"},
    "miss_seen": {"value": 0.0, "low": 0.0, "high": 0.06, "n": 60, "persons": 60, "method": "x"},
    "worst_person": {"person": 987654, "risk": 0.9, "missed": 0, "n": 112},
    "specificity": {"value": 0.7, "low": 0.5, "high": 0.8, "n": 30, "persons": 15, "method": "x"},
    "coverage": {
        "mode": "reject-all",
        "persons": 30,
        "rank": 30,
        "mean_miss": 1 / 31,
        "miss_bound": 0.095,
    },
}


def attack(name, target="student", high=0.57, **changes):
    """An attack that passed."""
    row = {
        "attack": name, "view": "model", "target": target, "access": "model", "members": 200, "non_members": 180,
        "auc": {"value": 0.51, "low": 0.45, "high": high, "n": 380}, "tpr": {}, "conclusion": "pass", "reason": "",
        "positive": {"caught": True, "auc": None}, "negative": {"clean": True, "auc": None}, "shown": False,
        "worst": {"person": 987654, "beats": 1.0},
    }  # fmt: skip
    return row | changes


ON_RELEASE = [attack(name, "release") for name in ALWAYS_ABLE]
ATTACKS = {"rows": [*map(attack, ON_MODEL), *ON_RELEASE]}
VERIFIED = {
    "outside_cones": 18, "matched_outside_cones": 0, "asks_all": False,
    "matcher": "fundus", "threshold": 0.66, "originals_asked": 6, "candidates": 20, "without_template": 0,
    "without_fingerprint": 0, "refused": 3,
    "table": {
        "accepted, not matched": 15, "accepted, matched": 3, "rejected, not matched": 1, "rejected, matched": 1,
    },
    "kappa": {"value": 0.1, "low": -0.2, "high": 0.4, "n": 20},
    "matched_among_accepted": {"value": 0.167, "low": 0.04, "high": 0.42, "n": 18},
    "held_out_matched": {"value": 0.02, "low": 0.0, "high": 0.1, "n": 50, "persons": 45, "method": "bootstrap"},
    "trial": {
        "two_persons": {"compared": 4000},
        "recognised": {"all": {"value": 0.98, "low": 0.95, "high": 0.99, "n": 1400, "persons": 85}},
        "same_eye": None,
    },
}  # fmt: skip
ASKED = {"largest_auc": 0.6, "fewest_persons": 150}
SUMMARY = {
    "unit": "eye", "persons": 45, "pictures": 90, "asked": 96,
    "refused_by_reason": {"same content as another row": 4, "no such file": 2},
    "persons_per_role": {"encoder": 15, "calibration": 10, "test": 5, "heldout": 15},
    "patients_per_condition": {"female left": 9, "female right": 5, "male left": 7, "male right": 8},
}  # fmt: skip


@pytest.fixture
def student():
    """Twenty candidates, of which the last is risky and the one before it was not judged."""
    draw = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "candidate": [f"student-{n:06d}" for n in range(20)],
            "sex": np.resize(["female", "female", "male", "male"], 20),
            "side": np.resize(["left", "right"], 20),
            "guidance": 2.0,
            "person": CANARY,
        }
    )
    risk = np.append(draw.uniform(1.1, 2, 18), [np.nan, 0.8])
    decisions = table[["candidate"]].assign(
        risk=risk,
        accepted=risk > 1,
        reason=["outside every cone"] * 18
        + ["not judged: no fingerprint", "inside the cone of an original"],
        matched_original=np.arange(20) % 5 + 1,
        angle_rad=1.0,
        threshold_rad=1.0,
    )
    return Sample(draw.integers(0, 255, (20, 16, 16, 3)).astype(np.uint8), table), decisions


@pytest.fixture
def entry(tmp_path, student):
    """The files a release is made of."""
    from avatarflow.imaging.shards import write_shards

    samples, decisions = student
    write_shards(tmp_path / "samples", samples.pictures, samples.table)
    decisions.to_parquet(tmp_path / "decisions.parquet")
    for name, value in (
        ("summary", SUMMARY),
        ("calibrated", CALIBRATED),
        ("metrics", EVALUATION),
        ("attacks", ATTACKS),
        ("student_verifier", VERIFIED),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    files = {"samples": "samples", "decisions": "decisions.parquet"}
    files |= {f"teacher_{name}": path for name, path in files.items()}
    files |= {
        name: f"{name}.json"
        for name in ("summary", "calibrated", "metrics", "attacks", "student_verifier")
    }
    (tmp_path / "student" / "unet").mkdir(parents=True)
    (tmp_path / "student" / "model_index.json").write_text('{"_class_name": "DiTPipeline"}')
    (tmp_path / "student" / "unet" / "weights.safetensors").write_bytes(b"weights")
    files["model"] = "student/model_index.json"
    return {name: str(tmp_path / path) for name, path in files.items()}


def outputs_in(folder):
    names = {"certificate": "certificate.json", "card": "README.md", "checksums": "SHA256SUMS"}
    return {key: str(folder / name) for key, name in names.items()}


def make(entry, folder, thresholds=THRESHOLDS, signing=None, **more):
    settings = {
        "source": {"generate": None},
        "consent": {"files": [], "declared_by": "ethics vote 12-2025"},
        "conditions": CONDITIONS,
        "size_px": 16,
        "gates": thresholds,
        "cone": {},
        "sample": {},
        "release": SETTINGS,
        "attacks": ASKED,
        "generator": {"family": "diffusion"},
        "verifier": {"matcher": "fundus"},
        **more,
    }
    release_entry("demo", entry, settings, outputs_in(folder), Step.null(), signing)
    return json.loads((folder / "certificate.json").read_text())


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_passing_release_is_complete(entry, tmp_path):
    decided = make(entry, tmp_path / "release")
    assert decided["decision"] == "pass"
    files = contents(tmp_path / "release")
    assert set(files) == {
        "certificate.json", "README.md", "contact_sheet.png", "SHA256SUMS",
        "data/00000.parquet", "data/00001.parquet", "data/00002.parquet",
        "model/model_index.json", "model/unet/weights.safetensors",
    }  # fmt: skip
    front = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert front["license"] == "cc-by-4.0"
    assert front["configs"][0]["data_files"][0]["path"] == "data/*.parquet"
    counted = {gate["name"]: gate["value"] for gate in decided["gates"]}
    assert sum(value for name, value in counted.items() if name.startswith("released_count.")) == 18


def put(entry, rows):
    Path(entry["attacks"]).write_text(json.dumps({"rows": rows}))


def test_the_generator_leaves_only_with_the_data(entry, tmp_path):
    make(entry, tmp_path / "release")
    assert (tmp_path / "release" / "model").exists()
    assert (
        make(entry, tmp_path / "release", {**THRESHOLDS, "kid_ratio": 0.1})["model_gate"]["result"]
        == "pass"
    )
    assert not (tmp_path / "release" / "model").exists()


@pytest.mark.parametrize(
    ("class_name", "opens"),
    [("DiTPipeline", "diffusers.Diff"), ("Ours", "interface.open_generator")],
)
def test_the_card_says_how_the_generator_opens(entry, tmp_path, class_name, opens):
    index = tmp_path / "student" / "model_index.json"
    index.write_text(json.dumps({"_class_name": class_name}))
    make(entry, tmp_path / "release")
    text = (tmp_path / "release" / "README.md").read_text()
    assert opens in text
    assert text.count("diffusers.DiffusionPipeline") == (class_name == "DiTPipeline")


def test_a_generator_that_leaks_stays_in_and_its_pictures_leave(entry, tmp_path):
    put(
        entry,
        [*map(attack, ON_MODEL[1:]), attack(ON_MODEL[0], conclusion="fail"), *ON_RELEASE],
    )
    decided = make(entry, tmp_path / "release")
    assert (decided["decision"], decided["model_gate"]["result"]) == ("pass", "fail")
    assert not (tmp_path / "release" / "model").exists()
    assert (
        "The generator itself is not part of this release"
        in (tmp_path / "release" / "README.md").read_text()
    )


def test_a_leak_in_the_pictures_refuses(entry, tmp_path):
    put(
        entry,
        [*ATTACKS["rows"], attack("linkage_fellow_eye", "release", conclusion="fail", shown=True)],
    )
    assert make(entry, tmp_path / "release")["reasons"] == ["shown_leaks: fail"]
    put(entry, [row for row in ATTACKS["rows"] if row["target"] != "release"])
    wanted = ["attack_auc: inconclusive", "shown_leaks: inconclusive"]
    assert make(entry, tmp_path / "release")["reasons"] == wanted


@pytest.mark.parametrize("name", ["weights.pt", "note.txt"])
def test_only_weights_and_settings_of_a_generator_leave(entry, tmp_path, name):
    (tmp_path / "student" / name).write_bytes(b"x")
    with pytest.raises(AvatarflowError, match="neither safetensors nor JSON"):
        make(entry, tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_the_worst_person_is_for_the_officer_only(entry, tmp_path):
    make(entry, tmp_path / "release")
    assert all(b"987654" not in content for content in contents(tmp_path / "release").values())
    page = tmp_path / "report.html"
    officer_page_of(str(tmp_path / "release/certificate.json"), {}, str(page), entry["attacks"])
    assert "987654" in page.read_text()
    assert page.read_text().count("caught<br>clean") == len(ATTACKS["rows"])


@pytest.mark.parametrize(("found", "decision"), [(0, "pass"), (2, "refuse")])
def test_canaries_in_the_release_refuse_it_and_stand_on_the_officers_page(
    entry, tmp_path, found, decision
):
    plain = make(entry, tmp_path / "plain")
    assert "canaries" not in json.dumps(plain)
    assert b"canaries" not in contents(tmp_path / "plain")["README.md"]
    canaries = {
        "released": {"pictures": 40, "n": 30, "found": found},
        "targets": {
            name: {"found_by_cone": 7, "pictures": 40} for name in ("teacher", "student", "release")
        },
    }
    (tmp_path / "canaries.json").write_text(json.dumps(canaries))
    entry = {**entry, "canaries": str(tmp_path / "canaries.json")}
    decided = make(entry, tmp_path / "release", canaries={"copies": [1], "largest_found": 0})
    assert decided["decision"] == decision
    assert decided["asked"]["canaries"]["copies"] == [1]
    assert ("data/00000.parquet" in contents(tmp_path / "release")) == (decision == "pass")
    assert b"canaries_found" in contents(tmp_path / "release")["README.md"]
    page = tmp_path / "report.html"
    officer_page_of(
        str(tmp_path / "release/certificate.json"),
        {"canaries": str(tmp_path / "absent.png")},
        str(page),
    )
    assert "30 generated eyes that are nobody's" in page.read_text()
    assert f"{found} of them are in the release" in page.read_text()


def test_checksums_are_what_sha256sum_reads(entry, tmp_path):
    make(entry, tmp_path / "release")
    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", "SHA256SUMS"],
        cwd=tmp_path / "release",
        capture_output=True,
        text=True,
        check=True,
    )
    assert checked.stdout.count(": OK") == 8


def test_equal_inputs_give_equal_bytes(entry, tmp_path):
    make(entry, tmp_path / "one")
    make(entry, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    ("gate", "threshold"), [("kid_ratio", 0.1), ("specificity", None), ("released_count", 10**6)]
)
def test_a_failed_gate_leaves_no_data_and_takes_older_data_away(entry, tmp_path, gate, threshold):
    make(entry, tmp_path / "release")
    decided = make(entry, tmp_path / "release", {**THRESHOLDS, gate: threshold})
    assert decided["decision"] == "refuse"
    assert set(contents(tmp_path / "release")) == {"certificate.json", "README.md", "SHA256SUMS"}
    card = (tmp_path / "release" / "README.md").read_text()
    assert "**Refused.**" in card
    assert "load_dataset" not in card


def test_nothing_accepted_is_a_refusal_and_not_a_crash(entry, tmp_path):
    decisions = pd.read_parquet(entry["decisions"])
    decisions.assign(accepted=False).to_parquet(entry["decisions"])
    assert make(entry, tmp_path / "release")["decision"] == "refuse"


def test_an_accepted_picture_without_a_risk_refuses(entry, tmp_path):
    pd.read_parquet(entry["decisions"]).assign(accepted=True).to_parquet(entry["decisions"])
    with pytest.raises(AvatarflowError, match="2 accepted pictures without a risk above 1"):
        make(entry, tmp_path / "release")
    assert not (tmp_path / "release").exists()


def reasons(entry, tmp_path, **files):
    for name, value in files.items():
        Path(entry[name]).write_text(json.dumps(value))
    return make(entry, tmp_path / "release")["reasons"]


@pytest.mark.parametrize(
    ("patients", "reason"),
    [({"female right": 4}, ["smallest_condition: fail"]), ({"male right": None}, ["smallest_condition: fail"]),
     (None, ["smallest_condition: inconclusive"])],
)  # fmt: skip
def test_a_condition_that_few_patients_have_refuses(entry, tmp_path, patients, reason):
    known = SUMMARY["patients_per_condition"]
    changed = patients and {key: n for key, n in (known | patients).items() if n is not None}
    assert reasons(entry, tmp_path, summary=SUMMARY | {"patients_per_condition": changed}) == reason


ANATOMY = {
    "kind": "fundus", "pass_share": 0.99, "limits": {"disc_contrast": {"least": 0.0712345}},
    "patients": {"reference": 100, "held_out": 120, "not_measured": 0},
    "test_patients_refused": {"value": 0.02, "low": 0.0, "high": 0.1, "n": 50},
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "result"), [(0, "pass"), (6, "fail")])
def test_a_generator_that_draws_much_wrong_anatomy_is_refused(entry, tmp_path, wrong, result):
    decisions = pd.read_parquet(entry["decisions"])
    decisions.loc[: wrong - 1, ["accepted", "reason"]] = [False, "anatomy: no optic disc"]
    decisions.to_parquet(entry["decisions"])
    path = tmp_path / "limits.json"
    path.write_text(json.dumps(ANATOMY))
    asked = {"kind": "fundus", "pass_share": 0.99, "least_passed": 0.8}
    decided = make({**entry, "anatomy": str(path)}, tmp_path / "release", anatomy=asked)
    gate = next(gate for gate in decided["gates"] if gate["name"] == "anatomy")
    assert (gate["value"], gate["n"], gate["result"]) == (round(1 - wrong / 18, 6), 18, result)
    assert gate["held"] == gate["low"] < gate["value"] or wrong == 0
    assert "0712345" not in json.dumps(decided)  # a limit is some patient's figure
    assert "120 patients" in decided["claim"][-1]
    left_out = decided["measured"]["counts"]["student"]["left_out"]
    assert left_out.get("anatomy: no optic disc", 0) == wrong


def test_without_an_anatomy_check_the_certificate_says_that_there_was_none(entry, tmp_path):
    decided = make(entry, tmp_path / "release")
    assert decided["claim"][-1].endswith("(anatomy) was not checked.")
    assert "anatomy" not in {gate["name"] for gate in decided["gates"]}
    assert "was not checked." in (tmp_path / "release" / "README.md").read_text()


def test_only_conditions_that_are_released_count():
    released = pd.DataFrame({"sex": ["male"], "side": ["left"]})
    rare = SUMMARY | {"patients_per_condition": {"male left": 7, "male right": 1}}
    estimate = smallest_condition(rare, released, CONDITIONS)
    assert (estimate.value, estimate.n) == (7, 30)  # of those trained on, not the held-out


def test_one_missed_patient_of_a_few_refuses(entry, tmp_path):
    miss = {"value": 0.0, "low": 0.0, "high": 0.31, "n": 10, "persons": 10, "method": "x"}
    for name, gate in (("miss", "missed_patients.test"), ("miss_seen", "missed_patients.seen")):
        few = {**CALIBRATED, name: miss}
        assert reasons(entry, tmp_path, calibrated=few) == [f"{gate}: fail"]
        assert f"{gate}: inconclusive" in reasons(
            entry, tmp_path, calibrated={"coverage": CALIBRATED["coverage"]}
        )


def test_a_classifier_that_cannot_read_the_condition_refuses(entry, tmp_path):
    agreement = {name: dict(EVALUATION["agreement"][name]) for name in CONDITIONS}
    agreement["sex"]["heldout_accuracy"] = {"value": 0.6, "low": 0.4, "high": 0.7, "n": 20}
    found = reasons(entry, tmp_path, metrics={**EVALUATION, "agreement": agreement})
    assert found == ["classifier_accuracy.sex: fail"]


def test_pictures_that_the_verifier_takes_for_originals_refuse(entry, tmp_path):
    caught = {**VERIFIED, "outside_cones": 300, "matched_outside_cones": 5, "refused": 5}
    assert reasons(entry, tmp_path, student_verifier=caught) == ["verifier_matches: fail"]
    assert reasons(entry, tmp_path, student_verifier={}) == ["verifier_matches: inconclusive"]
    entry.pop("student_verifier")
    assert make(entry, tmp_path / "release")["reasons"] == ["verifier_matches: inconclusive"]


def test_one_picture_many_times_refuses(entry, tmp_path, student):
    from avatarflow.imaging.shards import write_shards

    samples, _ = student
    again = samples.pictures.copy()
    again[3:9] = again[2]
    write_shards(tmp_path / "again", again, samples.table)
    decided = make({**entry, "samples": str(tmp_path / "again")}, tmp_path / "release")
    assert decided["reasons"] == ["different_pictures: fail"]
    (gate,) = (gate for gate in decided["gates"] if gate["name"] == "different_pictures")
    assert gate["value"] == pytest.approx(12 / 18)


BLIND = {"caught": False, "auc": None}


@pytest.mark.parametrize(
    ("rows", "result"),
    [
        ([attack("nearest_synthetic", "release"), attack("density_ratio", "release", high=0.66)], "fail"),
        ([attack("nearest_synthetic", "release", auc={"value": 0.2, "low": 0.1, "high": 0.3, "n": 380}),
          attack("density_ratio", "release")], "fail"),
        ([attack("nearest_synthetic", "release")], "inconclusive"),
        ([attack("nearest_synthetic", "release"), attack("density_ratio", "release", positive=BLIND)], "inconclusive"),
        ([*ON_RELEASE, attack("density_ratio", "release", view="pixels", positive=BLIND)], "inconclusive"),
        ([*ON_RELEASE, attack("linkage_fellow_eye", "release", positive=BLIND)], None),
        ([*ON_RELEASE, attack("attribute_inference", "release", high=0.7)], "fail"),
    ],
)  # fmt: skip
def test_attacks_on_the_release_without_power_refuse(entry, tmp_path, rows, result):
    put(entry, [*map(attack, ON_MODEL), *rows])
    wanted = [] if result is None else [f"attack_auc: {result}"]
    assert make(entry, tmp_path / "release")["reasons"] == wanted


def test_the_key_is_read_at_the_end_and_only_where_the_release_passes(entry, tmp_path):
    gone = {"key": str(tmp_path / "gone.pem"), "certificate": str(tmp_path / "gone.pem")}
    with pytest.raises(AvatarflowError, match=r"config signing\.key: no such file"):
        make(entry, tmp_path / "release", signing=gone)
    assert not (tmp_path / "release").exists()
    put(entry, [])
    assert make(entry, tmp_path / "release", signing=gone)["decision"] == "refuse"
    assert not (tmp_path / "release/SHA256SUMS.sig").exists()


def test_no_number_of_a_person_is_published(entry, tmp_path):
    make(entry, tmp_path / "release")
    assert "987654" not in (tmp_path / "release" / "certificate.json").read_text()
    assert "worst_person" not in (tmp_path / "release" / "certificate.json").read_text()


def test_candidates_without_a_decision_are_not_accepted(student):
    samples, decisions = student
    assert len(accepted(samples, decisions.iloc[5:]).table) == 13


def test_no_canary_no_candidate_number_no_path_leaves(entry, tmp_path):
    make(entry, tmp_path / "release")
    for content in contents(tmp_path / "release").values():
        for word in (CANARY, "student-0000", str(tmp_path)):
            assert word.encode() not in content
    for path in (
        tmp_path / "release" / "data"
    ).iterdir():  # columns are compressed: look inside as well
        table = pd.read_parquet(path)
        assert list(table.columns) == ["image", "picture", "sex", "side", "guidance"]


def test_pictures_are_numbered_anew():
    table = pd.DataFrame(
        {
            "candidate": ["student-000007", "student-000009"],
            "side": ["left", None],
            "risk": [2.0, 3.0],
        }
    )
    public = public_table(table, ["side"])
    assert list(public.columns) == ["picture", "side"]
    assert public["picture"].to_list() == [0, 1]


def test_datasets_decodes_the_release_in_a_fresh_process(entry, tmp_path):
    make(entry, tmp_path / "release")
    code = (
        "import sys, datasets\n"
        "data = datasets.load_dataset('parquet', data_files=sys.argv[1], split='train', cache_dir=sys.argv[2])\n"
        "print(len(data), data[0]['image'].size, data[0]['side'], data.column_names)\n"
    )
    arguments = [
        sys.executable,
        "-c",
        code,
        str(tmp_path / "release/data/*.parquet"),
        str(tmp_path / "cache"),
    ]
    environment = {"HF_HUB_OFFLINE": "1", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "18 (16, 16) left ['image', 'picture', 'sex', 'side', 'guidance']"


def test_a_release_without_conditions(student, tmp_path):
    samples, _ = student
    passing = {
        "decision": "pass",
        "release": "x",
        "gates": [],
        "not_checked": [],
        "claim": [],
        "reasons": [],
        "model_gate": {"meaning": "m", "result": "inconclusive"},
        "consent": {"checked": False, "text": "consent: not checked here, declared by nobody"},
    }
    write_release(outputs_in(tmp_path / "release"), passing, samples, {}, SETTINGS)
    assert "contact_sheet.png" in contents(tmp_path / "release")


def test_without_conditions_no_gate_passes_for_want_of_something_to_agree_with(entry, tmp_path):
    decided = make(entry, tmp_path / "release", conditions={})
    assert decided["decision"] == "pass"
    assert {gate["name"].partition(".")[0] for gate in decided["gates"]}.isdisjoint(OF_CONDITIONS)


def test_consent_stands_in_certificate_card_and_page(entry, tmp_path):
    decided = make(entry, tmp_path / "declared")
    text = "consent: not checked here, declared by ethics vote 12-2025"
    assert decided["consent"] == {"checked": False, "text": text}
    assert text in (tmp_path / "declared/README.md").read_text()
    summary = json.loads(Path(entry["summary"]).read_text())
    counted = {
        "day": "2026-06-01",
        "until": "2026-06-01",
        "require": ["code 8"],
        "collected": None,
        "patients": {"expired": 3, "permit": 97},
        "pictures_refused": {"expired": 5},
    }
    Path(entry["summary"]).write_text(json.dumps({**summary, "consent": counted}))
    asked = {"files": ["c.json"], "require": ["code 8"], "collected": None, "until": None}
    decided = make(entry, tmp_path / "checked", consent=asked)
    assert decided["consent"]["checked"]
    page = tmp_path / "report.html"
    officer_page_of(str(tmp_path / "checked/certificate.json"), {}, str(page))
    assert "97 of 100 patients permit code 8" in page.read_text()
    assert "Pictures refused: 5 (expired)" in page.read_text()
    Path(entry["summary"]).write_text(json.dumps(summary))
    with pytest.raises(AvatarflowError, match="made without the consents"):
        make(entry, tmp_path / "unchecked", consent=asked)
    assert not (tmp_path / "unchecked").exists()


def test_officer_page_is_one_file_with_described_pictures(entry, tmp_path):
    make(entry, tmp_path / "release")
    pictures = {
        "contact_sheet": str(tmp_path / "release/contact_sheet.png"),
        "plane": str(tmp_path / "absent.png"),
    }
    page = tmp_path / "report.html"
    officer_page_of(str(tmp_path / "release/certificate.json"), pictures, str(page))
    text = page.read_text()
    assert text.count("<img") == text.count('alt="') == 2  # the gates at other thresholds, too
    assert 'src="data:image/png' in text
    assert "http" not in text.replace("http-equiv", "")
    assert "Keep it as you keep the originals" not in text
    assert CANARY not in text
    shutil.copy(pictures["contact_sheet"], tmp_path / "pairs.png")
    officer_page_of(
        str(tmp_path / "release/certificate.json"),
        {"pairs": str(tmp_path / "pairs.png")},
        str(page),
    )
    assert "Keep it as you keep the originals" in page.read_text()
    (tmp_path / "pairs.png").write_bytes(b"")  # nothing to show
    officer_page_of(
        str(tmp_path / "release/certificate.json"),
        {"pairs": str(tmp_path / "pairs.png")},
        str(page),
    )
    assert "Keep it as you keep the originals" not in page.read_text()
    assert "Nearest originals" not in page.read_text()


def test_subgroups_and_the_worst_person_stand_on_the_officers_page(entry, tmp_path):
    make(entry, tmp_path / "release")
    certificate = json.loads((tmp_path / "release/certificate.json").read_text())
    share = {"value": 0.75, "low": 0.5, "high": 0.9, "n": 40, "persons": 8}
    certificate["measured"]["cone"] |= {
        "subgroups": {"rejected": {"age_band": {"60-69": share}}, "specificity": {"age_band": {}}},
        "worst_person": {"person": 17, "risk": 1.25, "missed": 2, "n": 56},
    }
    (tmp_path / "certificate.json").write_text(json.dumps(certificate))
    officer_page_of(str(tmp_path / "certificate.json"), {}, str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text()
    assert "<td>age band: 60-69</td>" in text
    assert "50 to 90 %, 8 " in text
    assert "no. 17" in text
    assert "2 of 56 missed" in text


def test_the_verifier_is_in_the_certificate_and_on_the_page(entry, tmp_path):
    (tmp_path / "verified.json").write_text(json.dumps(VERIFIED))
    both = {
        f"{stage}_verifier": str(tmp_path / "verified.json") for stage in ("teacher", "student")
    }
    found = make(entry | both, tmp_path / "release")
    assert found["measured"]["verifier"] == {"teacher": VERIFIED, "student": VERIFIED}
    assert found["asked"]["verifier"] == {"matcher": "fundus"}
    page = tmp_path / "report.html"
    officer_page_of(str(tmp_path / "release/certificate.json"), {}, str(page))
    text = page.read_text()
    assert text.count("<h2>Verifier</h2>") == 1
    assert "recognises 98 % of altered pictures of test persons (1400 of 85 persons)" in text
    assert "2 % of 50 held-out subjects" in text
    for stage in ("teacher", "student"):
        row = f"<tr><td>{stage}</td>" + "".join(
            f'<td class="number">{n}</td>' for n in (20, 15, 3, 1, 1)
        )
        assert row in text


@pytest.fixture
def plain_pool():
    """Five originals of one grey level each: ten times their row."""
    grey = np.arange(10, 60, 10, np.uint8)[:, None, None, None]
    rows = pd.DataFrame({"row": np.arange(1, 6), "person": 0})
    return Sample(np.broadcast_to(grey, (5, 16, 16, 3)).copy(), rows)


def sheet_of(path):
    """The grey levels in the middle of the sheet's pictures, row by row, and its width."""
    with Image.open(path) as image:
        pixels = np.asarray(image)[..., 0]
    step_x, step_y = SIDE_PX + GAP_PX, SIDE_PX + GAP_PX + CAPTION_PX
    middles = pixels[GAP_PX + SIDE_PX // 2 :: step_y, GAP_PX + SIDE_PX // 2 :: step_x]
    return middles.ravel().tolist(), pixels.shape[1]


def test_pairs_show_the_smallest_risks_beside_their_originals(student, plain_pool, tmp_path):
    samples, decisions = student
    path = tmp_path / "pairs.png"
    grey = np.arange(100, 120, dtype=np.uint8)[:, None, None, None]
    samples = Sample(np.broadcast_to(grey, (20, 16, 16, 3)).copy(), samples.table)
    decisions.loc[2, "angle_rad"] = 1 + np.radians(2.5)
    shuffled = accepted_with_margin(samples, decisions.iloc[::-1])
    assert shuffled.table["outcome"].tolist() == ["0.00 deg"] * 2 + ["2.50 deg"] + ["0.00 deg"] * 15
    nearest_pairs(plain_pool, accepted_with_margin(samples, decisions), 3, path)
    levels, width = sheet_of(path)
    riskiest = decisions[decisions["accepted"]].nsmallest(3, "risk")
    shown = [[100 + at, 10 * row] for at, row in riskiest["matched_original"].items()]
    assert (levels, width) == ([*np.ravel(shown)], 6 * (SIDE_PX + GAP_PX) + GAP_PX)
    nobody = accepted_with_margin(samples, decisions.assign(accepted=False))
    nearest_pairs(plain_pool, nobody, 3, path)
    assert path.read_bytes() == b""


def test_a_planted_copy_stands_first_in_an_audit_and_nobody_is_named(
    student, plain_pool, tmp_path, monkeypatch
):
    samples, decisions = student
    path, captions = tmp_path / "pairs.png", []
    grey = np.arange(100, 120, dtype=np.uint8)[:, None, None, None]
    samples = Sample(np.broadcast_to(grey, (20, 16, 16, 3)).copy(), samples.table)
    decisions.loc[7, ["risk", "accepted", "matched_original"]] = [0.01, False, 5]
    draw = pairs.contact_sheet
    monkeypatch.setattr(
        pairs, "contact_sheet", lambda *given: captions.extend(given[2]) or draw(*given)
    )
    nearest_pairs(plain_pool, judged_with_decision(samples, decisions), 3, path)
    levels, _ = sheet_of(path)
    assert levels[:4] == [107, 50, 119, 50]  # the copy, then the one inside a cone, both of row 5
    assert captions[:4] == [
        "1: risk 0.010, rejected", "original 1", "2: risk 0.800, rejected", "original 1",
    ]  # fmt: skip
    assert captions[4].endswith("accepted")
    assert captions[5] == "original 2"
    with pytest.raises(AvatarflowError, match="of other candidates"):
        judged_with_decision(samples, decisions.iloc[::-1])
