"""An audit with the least there may be: one picture per person, nobody known not to have been trained on, any size."""

import base64
import json
from pathlib import Path

import audit_world
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import page_counts
from avatarflow.audit import report
from avatarflow.core.errors import AvatarflowError
from avatarflow.quality.pairs import nearest_pairs_of
from avatarflow.release.templates import embedded

PERSONS = 24


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Originals of 48, 32 and 80 pixels; candidates of 24 to 128: altered copies first, other eyes behind them."""
    folder = tmp_path_factory.mktemp("alone")
    identities = [2 * person for person in range(PERSONS)]
    originals = audit_world.draw(
        folder, "o", identities, [48, 32, 80], patient=[f"p{person}" for person in range(PERSONS)]
    )
    originals.to_csv(folder / "originals.csv", index=False)
    copies = []
    for number, side in enumerate((48, 128, 24, 40)):
        with Image.open(folder / f"o{number}.png") as picture:
            bright = Image.fromarray(
                np.clip(np.asarray(picture, np.float32) * 1.04, 0, 255).astype(np.uint8)
            )
        bright.resize((side, side), Image.Resampling.LANCZOS).save(folder / f"c{number}.png")
        copies.append({"file": f"c{number}.png"})
    others = audit_world.draw(folder, "e", list(range(700, 712)), [48, 96])
    pd.concat([pd.DataFrame(copies), others]).to_csv(folder / "candidates.csv", index=False)
    settings = audit_world.entry(limits={"min_side_px": 16})
    return audit_world.Audit(folder, settings).run()


@pytest.fixture(scope="module")
def plain(alone):
    return json.loads(Path(alone.at("audit.json")).read_text("utf-8"))


def test_a_gallery_of_one_picture_per_person_rejects_copies_of_any_size(alone, plain):
    decisions = pd.read_parquet(alone.at("decisions.parquet"))
    assert plain["originals"]["pictures"] == plain["originals"]["persons"] == PERSONS
    assert not decisions["accepted"].iloc[:4].any()
    assert list(decisions["matched_original"].iloc[:4]) == [1, 2, 3, 4]
    assert plain["answers"][0]["answer"] == "fail"


def test_every_count_on_the_page_adds_up(alone, plain):
    page = Path(alone.at("report.html")).read_text("utf-8")
    assert page_counts.check(page)["candidates listed"][0] == 16
    candidates = plain["candidates"]
    parts = ("accepted", "risky", "refused")
    assert sum(candidates[name]["count"] for name in parts) == candidates["candidates"]
    inside = plain["answers"][0]["reason"].split(" ", 1)[0]
    decisions = pd.read_parquet(alone.at("decisions.parquet"))
    assert int(inside) == (decisions["reason"] == "inside the cone of an original").sum()


def test_sizes_that_were_changed_are_counted(plain):
    sizes = plain["originals"]["sizes"]
    assert sizes == {
        "pictures": 24,
        "brought": 16,
        "enlarged": 0,
        "shortest_px": 32,
        "longest_px": 80,
    }
    sizes = plain["candidates"]["sizes"]
    assert sizes == {
        "pictures": 16,
        "brought": 16,
        "enlarged": 1,
        "shortest_px": 24,
        "longest_px": 128,
    }


def test_without_held_out_subjects_no_figure_on_held_out_subjects_is_made_up(alone, plain):
    assert plain["cone"]["specificity"] is None
    assert plain["candidates"]["non_members_met"] is None
    assert {row["specificity"] for row in plain["candidates"]["rules"]} == {None}
    assert {row["conclusion"] for row in plain["attacks"]} == {"inconclusive"}
    assert all(row["auc"] is None and "0 non-members" in row["reason"] for row in plain["attacks"])
    answers = {each["name"]: each["answer"] for each in plain["answers"]}
    for name in ("specificity", "membership_foreign", "membership_accepted"):
        assert answers[name] == "inconclusive", name


def test_the_page_says_what_could_not_be_judged(alone):
    page = Path(alone.at("report.html")).read_text("utf-8")
    assert "no original is known not to have been trained on" in page
    assert "blur, left out of encoder and calibration" in page
    assert "3 families of perturbations (brightness, contrast, jpeg), 4 of each per picture" in page
    assert "1 candidates are smaller than it and were enlarged" in page
    assert "nan" not in page.replace("nano", "").lower().split("base64")[0]


def test_originals_are_on_the_internal_page_alone(alone):
    pairs = base64.b64encode(Path(alone.at("pairs.png")).read_bytes()).decode()
    page, internal = (
        Path(alone.at(name)).read_text("utf-8") for name in ("report.html", "internal.html")
    )
    assert pairs in internal
    assert internal.count("data:image/png") == page.count("data:image/png") + 1 == 4
    assert "Internal only" in internal
    for text in (page, Path(alone.at("audit.json")).read_text("utf-8")):
        assert pairs not in text
        assert "Internal only" not in text
        assert "Nearest originals" not in text


def test_the_internal_page_has_no_empty_panel(alone, monkeypatch):
    at = alone.at
    nothing = pd.read_parquet(at("decisions.parquet")).assign(risk=np.nan)
    nothing.to_parquet(at("unjudged.parquet"))
    pictures = ("pool/pictures", "foreign/pictures")
    nearest_pairs_of(*map(at, pictures), at("unjudged.parquet"), "judged", 9, at("none.png"))
    assert embedded(at("none.png")) == ""
    filled = {}
    monkeypatch.setattr(
        report,
        "fill",
        lambda _, pairs, **values: filled.setdefault("pairs", []).append(pairs) or "",
    )
    read = {
        "originals": at("pool/summary.json"), "candidates": at("foreign/summary.json"),
        "calibrated": at("calibration.json"), "weighed": at("weighed.json"), "attacks": at("attacks.json"),
    }  # fmt: skip
    shown = {name: at(f"{name}.png") for name in report.PICTURES} | {"pairs": at("none.png")}
    outputs = {name: at(f"empty.{name}") for name in ("page", "internal", "plain")}
    report.audit_report("x", read, shown, alone.settings, outputs, audit_world.STEP)
    assert filled["pairs"] == ["", ""]


def test_the_same_audit_in_small_blocks_has_the_same_figures(alone, plain, tmp_path, monkeypatch):
    for module in ("audit.baselines", "audit.non_members", "privacy.cones.decide"):
        monkeypatch.setattr(f"avatarflow.{module}.BLOCK", 5)
    again = audit_world.Audit(tmp_path, alone.settings)
    for path in alone.folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    again.run()
    assert json.loads(Path(again.at("audit.json")).read_text("utf-8")) == plain


def test_fingerprints_of_another_encoder_are_refused_and_nothing_is_written(alone, tmp_path):
    other = audit_world.Audit(tmp_path, audit_world.entry(limits={"min_side_px": 16}))
    for name in (
        "pool",
        "foreign",
        "encoder",
        "cones",
        "originals.tsv",
        "decisions.parquet",
        "foreign.safetensors",
    ):
        path = alone.folder / "results" / name
        (tmp_path / "results").mkdir(exist_ok=True)
        (tmp_path / "results" / name).symlink_to(path)
    for name in ("originals.safetensors", "test.safetensors"):
        data = (alone.folder / "results" / name).read_bytes()
        digest = data[: data.index(b"}}")].split(b'"encoder":"')[1][:16]
        (tmp_path / "results" / name).write_bytes(data.replace(digest, b"0" * 16))
    with pytest.raises(
        AvatarflowError, match=r"originals\.safetensors: fingerprints of another encoder; delete"
    ):
        other.report()
    assert not any(
        (tmp_path / "results" / name).exists()
        for name in ("weighed.json", "baselines.tsv", "report.html")
    )
