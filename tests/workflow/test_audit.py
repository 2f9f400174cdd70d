"""An audit of foreign pictures: every row judged, copies caught, unreadable rows refused by name."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

import project


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A finished audit: brightened copies of originals, noise, a file that is no picture, one that is absent."""
    folder = tmp_path_factory.mktemp("audit")
    project.write_photographs(folder / "data")
    foreign = folder / "foreign"
    foreign.mkdir()
    files = []
    for number in range(6):
        with Image.open(folder / "data" / f"{project.CANARY}_{number}.jpg") as picture:
            copied = np.clip(np.asarray(picture, np.float32) * 1.05, 0, 255).astype(np.uint8)
        Image.fromarray(copied).save(foreign / f"copy {number}.png")
        files.append(f"copy {number}.png")
    noise = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(noise).save(foreign / "noise.png")
    (foreign / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    files += ["noise.png", "broken.png", "absent.png", "../data/manifest.csv"]
    pd.DataFrame({"file": files}).to_csv(folder / "foreign.csv", index=False)
    tiny = project.release_config()
    audit = {
        "originals": {"manifest": "data/manifest.csv", "root": "data"},
        "candidates": {"manifest": "foreign.csv", "root": "foreign"},
        "person": ["patient_id"],
        **{key: tiny["releases"]["tiny"][key] for key in ("size_px", "fingerprint")},
        "cone": {**tiny["releases"]["tiny"]["cone"], "mode": "reject-all"},
        "second_opinion": {"matcher": "fundus", "pairs": 100, "queries": 4, "gallery": 10},
    }
    config = {"seed": 5, "compute": tiny["compute"], "audits": {"vendor": audit}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    project.run(folder)
    return folder, files


def test_every_candidate_is_a_row_under_its_own_name(audited):
    folder, files = audited
    verdicts = pd.read_parquet(folder / "results/audits/vendor/verdicts.parquet")
    columns = ["candidate", "risk", "accepted", "reason", "implicated_original", "angle_rad", "threshold_rad"]
    assert list(verdicts.columns) == columns
    assert list(verdicts["candidate"]) == files


def test_copies_are_rejected_and_point_at_their_original(audited):
    folder, _ = audited
    verdicts = pd.read_parquet(folder / "results/audits/vendor/verdicts.parquet").iloc[:6]
    assert not verdicts["accepted"].any()
    assert (verdicts["risk"] <= 1).all()
    assert (verdicts["reason"] == "inside the cone of an original").all()


def test_what_cannot_be_read_is_refused_and_has_no_risk(audited):
    folder, _ = audited
    verdicts = pd.read_parquet(folder / "results/audits/vendor/verdicts.parquet").iloc[7:]
    assert len(verdicts) == 3
    assert not verdicts["accepted"].any()
    assert verdicts["risk"].isna().all()
    assert (verdicts["reason"] == "not readable").all()


def test_all_originals_are_in_the_gallery(audited):
    folder, _ = audited
    roles = pd.read_parquet(folder / "results/audits/vendor/pool/pictures/00000.parquet", columns=["role"])["role"]
    assert "heldout" not in set(roles)


def test_a_second_opinion_sees_the_copies_too(audited):
    folder, files = audited
    privacy = folder / "results/audits/vendor/privacy"
    opinions = pd.read_parquet(privacy / "foreign.second_opinion.parquet")
    assert list(opinions["candidate"]) == files
    assert opinions["matched"].tolist() == [True] * 6 + [False] * 4
    assert opinions["original"].iloc[:6].tolist() == [1, 2, 3, 4, 5, 6]
    figures = json.loads((privacy / "foreign.second_opinion.json").read_text())
    assert figures["table"]["rejected, matched"] == 6
    assert figures["candidates"] == 10
