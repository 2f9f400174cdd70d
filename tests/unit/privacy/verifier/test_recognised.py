"""Cones and verifier calibrated together: what the verifier recognises widens no cone and needs no scale."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import write_shards
from avatarflow.privacy import perturbations
from avatarflow.privacy.cones.calibration import calibrate_entry
from avatarflow.privacy.cones.cone import Cones, needed_scales, own_radii, uncalibrated
from avatarflow.privacy.cones.decide import Candidates, judge, risks
from avatarflow.privacy.cones.margin import margin_scale
from avatarflow.privacy.cones.shape import Shape
from avatarflow.privacy.fingerprints.files import load_rows, save_rows
from avatarflow.privacy.perturbing import perturber
from avatarflow.privacy.verifier import recognised as module
from avatarflow.privacy.verifier.keypoint_votes import Index
from avatarflow.privacy.verifier.keypoints import template, variants
from avatarflow.runs.context import Step

FAMILIES, LEFT_OUT, DRAWS, SEED = ["flip", "noise", "crop"], ["jpeg"], 2, 5
ROLES = ["calibration"] * 8 + ["test"] * 6 + ["encoder"] * 4 + ["heldout"] * 4
GALLERY = 18
THRESHOLD = 90.0  # keypoints; above what noise leaves of an eye, and below what a cut leaves
PEOPLE = len(ROLES)
SETTINGS = {
    "neighbours": 3, "beta": 0.5, "narrowest_deg": 0.1, "widest_deg": 90, "mode": "reject-all", "alpha": 0.1,
    "fewest_persons": 5, "margin": 0.0, "families": [*FAMILIES, *LEFT_OUT], "draws": DRAWS,
    "held_out_families": LEFT_OUT, "density": "picture",
}  # fmt: skip
FARTHEST = {
    "flip": 0.9,
    "crop": 0.7,
    "noise": 0.2,
    "jpeg": 0.9,
}  # radians that a family moves a fingerprint


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def moved(rows, families, draw):
    """Fingerprints of perturbations: each farther off, up to what its family does."""
    away = unit(draw.normal(size=(len(rows), len(families) * DRAWS, rows.shape[1])))
    far = np.array(
        [FARTHEST[family] * (number + 1) / DRAWS for family in families for number in range(DRAWS)]
    )
    return unit(np.cos(far)[None, :, None] * rows[:, None] + np.sin(far)[None, :, None] * away)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An entry of drawn eyes with made-up fingerprints, and a threshold of keypoints."""
    folder = tmp_path_factory.mktemp("entry")
    draw = np.random.default_rng(2)
    pictures, _ = draw_eyes("fundus", [2 * person for person in range(PEOPLE)], [0] * PEOPLE, 64, 3)
    numbers = np.arange(PEOPLE)
    table = pd.DataFrame(
        {"item": 3 * numbers, "row": numbers + 1, "person": numbers, "eye": numbers, "role": ROLES}
    )
    write_shards(folder / "pool", pictures, table)
    save_file(
        {"none": np.zeros(1, np.float32)},
        folder / "encoder",
        {"encoder": json.dumps({"digest": "made up"})},
    )
    rows = unit(draw.normal(size=(PEOPLE, 24)))
    save_rows(folder / "originals", rows, "made up")
    for name, some, asked in (("own", rows[:GALLERY], FAMILIES), ("calibration", rows[:8], FAMILIES),
                              ("test", rows[8:14], [*FAMILIES, *LEFT_OUT]),
                              ("seen", rows[14:18], FAMILIES)):  # fmt: skip
        save_rows(folder / name, moved(some, asked, draw), "made up")
    (folder / "trial").write_text(
        json.dumps({"matcher": "keypoints", "threshold": THRESHOLD, "refuse_unseen": True})
    )
    names = ("pool", "encoder", "originals", "own", "calibration", "test", "seen", "trial")
    return (
        {name: str(folder / name) for name in names},
        pictures,
        rows,
        Index(map(template, pictures[:GALLERY])),
    )


def calibrated(files, folder, **changes):
    inputs = {**files[0], **changes}
    out = {
        name: str(folder / name) for name in ("cones", "risks", "calibrated", "plane", "plane_data")
    }
    calibrate_entry(inputs, SETTINGS, SEED, out, Step.null())
    return (
        Cones.read(out["cones"]),
        load_file(out["risks"]),
        json.loads((folder / "calibrated").read_text()),
    )


@pytest.fixture(scope="module")
def both(files, tmp_path_factory):
    return calibrated(files, tmp_path_factory.mktemp("both"))


def known(files, place, family, number, purpose):
    """Slow reference: whether the verifier recognises one perturbation, drawn with all others of its family."""
    _, pictures, _, index = files
    altered = perturbations.alter(
        pictures[place : place + 1], family, DRAWS, SEED, [3 * place], purpose
    )
    return index.most_alike([variants(altered[number])])[0][0] > THRESHOLD


def test_perturbations_of_the_other_process_are_the_same(files):
    pictures = files[1]
    here = perturbations.alter(pictures[:2], "noise", 3, 1, [4, 7], "test")
    with perturber() as drawing:
        np.testing.assert_array_equal(
            drawing.alter(pictures[:2], "noise", 3, 1, [4, 7], "test"), here
        )
        np.testing.assert_array_equal(
            drawing.alter(pictures[1:2], "noise", 3, 1, [7], "test", [2]), here[5:]
        )
    assert drawing.process.returncode == 0


def test_a_process_that_dies_is_an_error_and_no_picture():
    with perturber() as drawing, pytest.raises(RuntimeError, match="that draws perturbations died"):
        drawing.alter(np.zeros((1, 8, 8, 3), np.uint8), "no family", 1, 1, [0], "test")


def test_families_that_are_easily_recognised_do_not_count_for_own_radii(files, both):
    cones, _, figures = both
    altered = np.asarray(load_rows(files[0]["own"], "made up"))
    encoder = [place for place, role in enumerate(ROLES) if role == "encoder"]
    share = {
        family: np.mean(
            [
                known(files, place, family, number, "own")
                for place in encoder
                for number in range(DRAWS)
            ]
        )
        for family in FAMILIES
    }
    easy = [
        family
        for family in FAMILIES
        if share[family] >= 0.95 and share[family] > min(share.values())
    ]
    assert figures["verifier"]["easy_families"] == easy
    assert 0 < len(easy) < len(FAMILIES)
    counted = np.repeat([family not in easy for family in FAMILIES], DRAWS)
    expected = own_radii(files[2][:GALLERY], altered[:, counted])
    np.testing.assert_allclose(cones.radii_rad, expected)
    assert (cones.radii_rad < own_radii(files[2][:GALLERY], altered)).any()


def test_the_scale_is_what_unrecognised_perturbations_need(files, both):
    cones, _, _ = both
    altered = np.asarray(load_rows(files[0]["calibration"], "made up"))
    needed = needed_scales(replace(cones, c=float("nan")), altered.reshape(-1, 24)).reshape(8, -1)
    names = [(family, number) for family in FAMILIES for number in range(DRAWS)]
    free = [
        needed[place, column]
        for place in range(8)
        for column, (family, number) in enumerate(names)
        if needed[place, column] > cones.c
        and not known(files, place, family, number, "calibration")
    ]
    assert not free  # nothing that passes both needs more than c
    people, own = np.arange(GALLERY), np.asarray(load_rows(files[0]["own"], "made up"))
    alone = uncalibrated(files[2][:GALLERY], people, people + 1, own, Shape.of(SETTINGS))
    assert needed_scales(alone, altered.reshape(-1, 24)).max() > cones.c


def test_risks_of_test_persons_count_what_the_verifier_recognises(files, both):
    cones, judged, figures = both
    altered = np.asarray(load_rows(files[0]["test"], "made up"))
    alone = risks(altered.reshape(-1, 24), cones).reshape(6, -1)
    names = [(family, number) for family in [*FAMILIES, *LEFT_OUT] for number in range(DRAWS)]
    for place in range(6):
        for column, (family, number) in enumerate(names):
            passes = alone[place, column] > 1 and not known(
                files, 8 + place, family, number, "test"
            )
            assert (judged["test"][place, column] > 1) == passes
    calibrated_only = judged["test"][:, : len(FAMILIES) * DRAWS]
    assert figures["miss"]["value"] == pytest.approx((calibrated_only > 1).any(1).mean())
    assert figures["rejected"]["value"] == pytest.approx((calibrated_only <= 1).mean())
    assert figures["rejected_by_family"]["flip"]["value"] == 1
    assert set(figures["held_out_families"]) == set(LEFT_OUT)
    assert figures["verifier"]["recognised"]["test"] <= figures["verifier"]["asked"]["test"]
    assert figures["specificity"]["value"] == pytest.approx((judged["heldout"] > 1).mean())
    outside = (risks(files[2][GALLERY:], cones) > 1).sum()
    share = figures["verifier"]["held_out_matched"]
    assert share["n"] == figures["verifier"]["asked"]["held_out"] == outside
    assert share["value"] == 1 - (judged["heldout"] > 1).sum() / outside


def test_a_held_out_copy_of_an_original_counts_as_refused(files, tmp_path):
    pictures = files[1]
    doubled = pictures.copy()
    doubled[GALLERY] = pictures[3][:, ::-1]
    numbers = np.arange(PEOPLE)
    table = pd.DataFrame(
        {"item": 3 * numbers, "row": numbers + 1, "person": numbers, "eye": numbers, "role": ROLES}
    )
    write_shards(tmp_path / "pool", doubled, table)
    (tmp_path / "out").mkdir()
    _, judged, _ = calibrated(files, tmp_path / "out", pool=str(tmp_path / "pool"))
    assert judged["heldout"][0] <= 1
    assert (judged["heldout"][1:] > 1).all()


def test_cones_calibrated_with_a_verifier_do_not_decide_without_it(files, both, tmp_path):
    cones = both[0]
    assert cones.with_verifier
    with pytest.raises(
        AvatarflowError, match="cones: they were calibrated together with a verifier"
    ):
        judge(Candidates(files[2][GALLERY:], list("abcd")), cones, tmp_path / "decisions")
    assert not (tmp_path / "decisions").exists()
    judge(
        Candidates(files[2][GALLERY:], list("abcd"), refusals=[""] * 4),
        cones,
        tmp_path / "decisions",
    )
    assert pq.read_table(tmp_path / "decisions").num_rows == 4


def test_without_a_trial_or_with_a_matcher_of_the_nearest_the_cones_decide_alone(files, tmp_path):
    (tmp_path / "trial").write_text(
        json.dumps({"matcher": "fundus", "threshold": 0.5, "refuse_unseen": True})
    )
    for number, changes in enumerate(({"trial": ""}, {"trial": str(tmp_path / "trial")})):
        folder = tmp_path / str(number)
        folder.mkdir()
        cones, judged, figures = calibrated(files, folder, **changes)
        assert not cones.with_verifier
        assert "verifier" not in figures
        assert judged["test"].shape == (6, 8)


def test_a_margin_widens_the_cones_and_changes_no_promise(files, both, tmp_path):
    inputs, out = (
        files[0],
        {
            name: str(tmp_path / name)
            for name in ("cones", "risks", "calibrated", "plane", "plane_data")
        },
    )
    calibrate_entry(inputs, SETTINGS | {"margin": 0.3}, SEED, out, Step.null())
    wide, figures = Cones.read(out["cones"]), json.loads((tmp_path / "calibrated").read_text())
    assert wide.c > both[0].c
    assert figures["set_by_margin"]
    assert not both[2]["set_by_margin"]
    assert wide.c == margin_scale(replace(both[0], c=float("nan")), np.arange(8), 0.3)
    asked = figures["verifier"]["asked"].get("calibration", 0)
    assert asked < both[2]["verifier"]["asked"]["calibration"]  # what needs less is not asked about
    assert figures["coverage"] == both[2]["coverage"]
    assert (load_file(out["risks"])["test"] <= both[1]["test"]).all()


def test_without_anybody_to_ask_all_families_count(files, monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", 0)
    nobody = module.Recognised(
        None, None, 0.0, True, files[1], np.arange(PEOPLE), FAMILIES, [], DRAWS, 1, None, None
    )
    assert nobody.hard_columns(np.arange(3)).tolist() == [True] * 6
