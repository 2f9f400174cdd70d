"""An audit of foreign pictures: every row judged, copies caught, what cannot be judged said so, nobody shown."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

import page_counts
import project
from avatarflow.imaging.phantom.eyes import draw_eyes

COPIES = 8


def originals(folder):
    """The photographs, with who was trained on and by which camera; the last two persons' camera has no other."""
    project.write_photographs(folder / "data")
    path = folder / "data" / "manifest.csv"
    rows = pd.read_csv(path)
    person = rows["patient_id"].str.rpartition("-")[2].astype(int)
    rows["used"] = np.where(person < 30, "train", "heldout")
    rows["camera"] = np.where(person >= 42, "zeiss", np.where(person % 10 == 0, "canon", "topcon"))
    rows.to_csv(path, index=False)


def candidates(folder):
    """Brightened copies, two of them at other sizes; independent eyes; noise; what is no picture or not there."""
    foreign = folder / "foreign"
    foreign.mkdir()
    rows = []
    for number in range(COPIES):
        with Image.open(folder / "data" / f"{project.CANARY}_{number}.jpg") as picture:
            copied = Image.fromarray(
                np.clip(np.asarray(picture, np.float32) * 1.05, 0, 255).astype(np.uint8)
            )
        side = {6: 96, 7: 32}.get(number, 48)
        copied.resize((side, side), Image.Resampling.LANCZOS).save(foreign / f"copy {number}.png")
        rows.append({"file": f"copy {number}.png", "sex": "female", "camera": "topcon"})
    held_out, drawn = draw_eyes("fundus", list(range(900, 930)), [0] * 30, 48, 3)
    for number, (picture, sex) in enumerate(zip(held_out, drawn["sex"], strict=True)):
        Image.fromarray(picture).save(foreign / f"eye {number}.png")
        rows.append(
            {"file": f"eye {number}.png", "sex": sex, "camera": "canon" if number % 2 else ""}
        )
    noise = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(noise).save(foreign / "noise.png")
    (foreign / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    rows.append({"file": "noise.png", "sex": "unheard of"})
    rows += [{"file": name} for name in ("broken.png", "absent.png", "../data/manifest.csv")]
    pd.DataFrame(rows).to_csv(folder / "foreign.csv", index=False)
    return [row["file"] for row in rows]


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A finished audit and the candidates' names."""
    folder = tmp_path_factory.mktemp("audit")
    originals(folder)
    files = candidates(folder)
    tiny = project.release_config()
    audit = {
        "originals": {"manifest": "data/manifest.csv", "root": "data"},
        "candidates": {"manifest": "foreign.csv", "root": "foreign"},
        "patient_id_columns": ["patient_id"],
        "row_filter": f"patient_id <> '{project.CANARY}-999'",
        "split": {"column": "used"},
        "conditions": {"sex": ["female", "male"]},
        "cameras": {"camera": ["topcon", "canon", "zeiss"]},
        **{key: tiny["releases"]["tiny"][key] for key in ("size_px", "fingerprint")},
        "cone": {**tiny["releases"]["tiny"]["cone"], "mode": "reject-all"},
        "verifier": {"matcher": "fundus", "pairs": 100, "queries": 4, "gallery": 10},
    }
    config = {"seed": 5, "compute": tiny["compute"], "audits": {"vendor": audit}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    project.run(folder)
    return folder / "results/audits/vendor", files


@pytest.fixture(scope="module")
def decisions(audited):
    return pd.read_parquet(audited[0] / "decisions.parquet")


@pytest.fixture(scope="module")
def plain(audited):
    return json.loads((audited[0] / "audit.json").read_text(encoding="utf-8"))


def test_every_candidate_is_a_row_under_its_own_name(audited, decisions):
    columns = [
        "candidate",
        "risk",
        "accepted",
        "reason",
        "matched_original",
        "angle_rad",
        "threshold_rad",
    ]
    assert list(decisions.columns) == columns
    assert list(decisions["candidate"]) == audited[1]


def test_copies_are_rejected_at_any_size_and_point_at_their_original(decisions):
    copies = decisions.iloc[:COPIES]
    assert not copies["accepted"].any()
    assert (copies["risk"] <= 1).all()
    assert (copies["reason"] == "inside the cone of an original").all()


def test_what_cannot_be_read_is_refused_and_has_no_risk(decisions):
    lost = decisions.iloc[-3:]
    assert not lost["accepted"].any()
    assert lost["risk"].isna().all()
    assert (lost["reason"] == "not readable").all()


def test_the_verifier_sees_the_copies_too(audited, plain):
    verifications = pd.read_parquet(audited[0] / "privacy" / "foreign.verifier.parquet")
    assert list(verifications["candidate"]) == audited[1]
    assert verifications["matched"].iloc[:6].all()
    assert verifications["original"].iloc[:6].tolist() == [1, 2, 3, 4, 5, 6]
    figures = plain["verifier"]
    assert figures["table"]["rejected, matched"] >= 6
    assert figures["candidates"] == len(audited[1])


def test_the_figures_are_those_of_the_decisions(decisions, plain):
    found = plain["candidates"]
    assert found["candidates"] == len(decisions)
    assert (
        found["risky"]["count"]
        == (decisions["reason"] == "inside the cone of an original").sum()
        >= COPIES
    )
    assert found["accepted"]["count"] == decisions["accepted"].sum()
    assert found["refused"]["count"] == 3
    assert found["sizes"]["enlarged"] == 0
    # one copy came at the working size
    assert found["sizes"]["brought"] == found["sizes"]["pictures"] - 1
    assert plain["answers"][0]["answer"] == "fail"
    assert plain["overall"] == "fail"


def test_each_rule_says_what_it_accepts_of_the_candidates(audited, decisions, plain):
    table = pd.read_csv(audited[0] / "baselines.tsv", sep="\t")
    assert list(table["rule"]) == [row["rule"] for row in plain["candidates"]["rules"]]
    assert {"cone", "distance", "neighbour_ratio", "correlation"} <= set(table["rule"])
    assert (table["accepted_n"] == len(decisions) - 3).all()
    assert table["agreement"].between(0, 1).all()


def test_the_attacks_are_on_what_was_handed_over_and_what_was_accepted(audited, plain):
    rows = plain["attacks"]
    assert {row["target"] for row in rows} == {"foreign", "accepted"}
    assert {row["access"] for row in rows} == {"data"}  # nobody draws from a generator here
    held_out = plain["originals"]["persons_per_role"]["heldout"]
    measured = [row for row in rows if row["auc"]]
    assert {row["view"] for row in measured} == {"fingerprint", "pixels"}
    assert {row["non_members"] for row in measured if row["attack"] == "nearest_synthetic"} == {
        held_out
    }
    assert any(row["positive"]["caught"] for row in measured)


def test_only_those_named_as_held_out_are_left_out_of_the_gallery(audited, plain):
    pool = pd.read_parquet(audited[0] / "pool/pictures/00000.parquet", columns=["row", "role"])
    manifest = pd.read_csv(audited[0].parents[2] / "data/manifest.csv")
    used = manifest["used"].to_numpy()[pool["row"] - 1]
    assert ((pool["role"] == "heldout") == (used == "heldout")).all()


def test_cameras_that_nothing_was_calibrated_on_are_not_covered(plain):
    cameras = plain["candidates"]["cameras"]["camera"]
    assert cameras["topcon"]["covered"]
    assert not cameras["canon"]["covered"]
    assert (
        cameras["zeiss"] | {"persons": 0, "covered": False, "foreign_camera": True}
        == cameras["zeiss"]
    )
    assert cameras["canon"]["promise"] is None
    assert cameras["(not known)"]["accepted"]["n"] == 19


def test_the_page_is_whole_and_shows_nobody(audited):
    folder = audited[0]
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in (
        "Answers",
        "inconclusive",
        "trivial: none in the gallery",
        "not covered",
        "decisions.parquet",
    ):
        assert text in page, text
    assert "http" not in page
    page_counts.check(page)
    assert page.count("data:image/png") == 4  # risks, plane, baselines, attacks
    internal = (folder / "internal.html").read_text(encoding="utf-8")
    assert internal.count("data:image/png") == 5  # and the pairs
    assert "Internal only" in internal
    for name in (
        "report.html",
        "internal.html",
        "audit.json",
        "baselines.tsv",
        "privacy/foreign.json",
        "attacks/attacks.json",
    ):
        assert project.CANARY not in (folder / name).read_text(encoding="utf-8"), name
    root = folder.parents[2]
    for place in ("results/mlflow", "results/records", "logs", "results/benchmarks"):
        for name, data in project.content(root / place).items():
            assert project.CANARY.encode() not in data, f"{place}/{name}"
            assert not name.endswith(("internal.html", "nearest_pairs.png"))  # they show originals
