"""Anatomy: known pictures, each wrong in one way, limits by hand, and nothing that fails open."""

import json

import numpy as np
import pandas as pd
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.statistics import fewest_to_keep
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import write_shards
from avatarflow.quality.anatomy import fundus, iris, radiograph
from avatarflow.quality.anatomy.check import LEAST, MOST
from avatarflow.quality.anatomy.limits import refusals, set_limits
from avatarflow.quality.anatomy.patches import LEFT, patches
from avatarflow.quality.anatomy.step import check_candidates, measure, set_limits_of
from avatarflow.runs.context import Step

ORIGIN = (32, 32)
KINDS = {"size": ((LEAST, MOST), "size"), "spots": ((MOST,), "spots")}


def far(y=32, x=32):
    rows, columns = np.mgrid[:64, :64]
    return np.hypot(rows - y, columns - x)


def plain_fundus(discs=((32, 50),), macula=(32, 28), vessels=True, field=None):
    """A round orange field with bright discs, a dark macula and two dark arcades with branches."""
    level = np.full((64, 64), 120.0)
    for y, x in discs:
        level[far(y, x) < 4.5] = 230
    if macula:
        level *= 1 - 0.4 * np.exp(-((far(*macula) / 4) ** 2))
    if vessels:
        for row in (14, 20, 44, 50):
            level[row, 12:52] = 60
        for column in range(16, 52, 8):
            level[14:21, column] = 60
            level[44:51, column] = 60
    level[~(far() < 31 if field is None else field)] = 0
    return np.stack([level, 0.6 * level, 0.3 * level], 2).astype(np.uint8)


def test_a_disc_is_found_where_it_is_and_on_the_side_it_is_on():
    right = fundus.findings(plain_fundus(), {"eye_side": "right"})
    left = fundus.findings(plain_fundus(), {"eye_side": "left"})
    assert right["disc_contrast"] > 0.3
    assert right["disc_side"] > 0.5
    assert left["disc_side"] == pytest.approx(-right["disc_side"])
    mirrored = fundus.findings(plain_fundus()[:, ::-1], {"eye_side": "left"})
    assert mirrored["disc_side"] == pytest.approx(right["disc_side"], abs=0.1)
    assert fundus.findings(plain_fundus(), {})["disc_side"] == 0
    assert (
        right["macula_contrast"]
        > 0.1
        > fundus.findings(plain_fundus(macula=None), {"eye_side": "right"})["macula_contrast"]
    )


def test_each_finding_sees_what_is_wrong_and_nothing_else():
    asked = {"eye_side": "right"}
    whole = fundus.findings(plain_fundus(), asked)
    none = fundus.findings(plain_fundus(discs=()), asked)
    assert none["disc_contrast"] < 0.3 * whole["disc_contrast"]
    gap = plain_fundus(discs=())
    gap[abs(far(32, 50) - 7) < 1.6] = 30
    assert fundus.findings(gap, asked)["disc_contrast"] < 0.1 * whole["disc_contrast"]
    two = fundus.findings(plain_fundus(discs=((32, 50), (32, 10))), asked)
    assert two["second_disc"] > 0.3 > 0.1 > whole["second_disc"]
    bare = fundus.findings(plain_fundus(vessels=False), asked)
    assert bare["vessel_length"] < 0.2 * whole["vessel_length"]
    assert bare["branch_points"] == 0 < whole["branch_points"]
    square = np.zeros((64, 64), bool)
    square[4:60, 4:60] = True
    assert (
        fundus.findings(plain_fundus(field=square), asked)["field_misfit"]
        > 0.4
        > 0.2
        > whole["field_misfit"]
    )


def plain_eye(pupils=((32, 32),), iris_at=ORIGIN):
    """Skin, a white band, a brown iris and pupils."""
    rows = np.mgrid[:64, :64][0]
    picture = np.full((64, 64, 3), (200, 150, 130), float)
    white = abs(rows - 32) < 18
    picture[white] = (235, 230, 225)
    picture[(far(*iris_at) < 15) & white] = (120, 90, 60)
    for place in pupils:
        picture[far(*place) < 5] = 8
    return picture.astype(np.uint8)


def test_pupil_and_iris_are_measured_in_size_and_place():
    found = iris.findings(plain_eye(), {})
    assert found["iris_size"] == pytest.approx(15 / 64, abs=0.02)
    assert found["pupil_size"] == pytest.approx(5 / 15, abs=0.04)
    assert found["pupil_offset"] < 0.05
    assert found["second_pupil"] == 0
    assert found["pupil_contrast"] > 0.3
    assert found["upper_lid_contrast"] > 0.1
    assert iris.findings(plain_eye(pupils=()), {})["pupil_contrast"] < 0.05
    assert iris.findings(plain_eye(pupils=((32, 26), (32, 39))), {})["second_pupil"] > 0.8
    assert iris.findings(plain_eye(pupils=((32, 39),)), {})["pupil_offset"] > 0.4


def plain_chest(right=60, left=60, heart=(26, 44, 33, 46)):
    """A grey chest with a bright spine, two lungs and a heart in the picture's right half."""
    level = np.full((64, 64), 150.0)
    level[8:50, 10:27], level[8:50, 37:54] = right, left
    level[:, 28:36] = 210
    first, last, start, stop = heart
    level[first:last, start:stop] = 200
    return np.repeat(level[..., None], 3, 2).astype(np.uint8)


def test_lungs_are_counted_and_the_heart_lies_on_the_left():
    found = radiograph.findings(plain_chest(), {})
    assert min(found["right_lung"], found["left_lung"]) > 1
    assert found["heart_side"] > 0.5
    assert radiograph.findings(plain_chest()[:, ::-1], {})["heart_side"] < -0.5
    assert radiograph.findings(plain_chest(left=200), {})["left_lung"] < 0.5
    assert radiograph.findings(plain_chest(right=200), {})["right_lung"] < 0.5
    assert found["midline_offset"] < 0.03


def test_a_patch_is_compared_with_what_lies_around_it():
    """Against the mean of the pixels, by hand."""
    level = np.random.default_rng(1).normal(0, 1, (64, 64))
    seen = patches(level, np.ones((64, 64), bool), (6.0,), (1.25, 2.0))[0]
    rows, columns = np.mgrid[:64, :64]
    for y, x in ((30, 31), (20, 44)):
        down, right = rows - y, columns - x
        left = (right < 0) & (abs(down) < abs(right))
        inner, around = np.hypot(down, right) < 6, (abs(np.hypot(down, right) - 9.75) < 2.25)
        by_hand = level[left & inner].mean() - level[left & around].mean()
        assert seen[LEFT, y, x] == pytest.approx(by_hand, abs=0.12)
    half = np.arange(64)[None] >= 32 + 0 * rows
    assert (patches(level, half, (6.0,), (1.25, 2.0))[0, LEFT, :, 32] == 0).all()


@pytest.mark.parametrize("size", [64, 96, 512])
def test_findings_do_not_depend_on_the_size(size):
    pictures, table = draw_eyes("fundus", range(4), [0] * 4, size, 3)
    small, _ = draw_eyes("fundus", range(4), [0] * 4, 64, 3)
    for picture, other, side in zip(pictures, small, table["eye_side"], strict=True):
        found, like = (fundus.findings(each, {"eye_side": side}) for each in (picture, other))
        assert found["disc_side"] == pytest.approx(like["disc_side"], abs=0.15)
        assert found["disc_contrast"] == pytest.approx(like["disc_contrast"], rel=0.35)


@pytest.mark.parametrize("kind", ["fundus", "iris", "radiograph"])
@pytest.mark.parametrize("fill", [0, 128, 255])
def test_a_picture_of_one_colour_is_measured_or_refused(kind, fill):
    found = measure(kind, np.full((64, 64, 3), fill, np.uint8), {})
    assert all(np.isfinite(list(found.values())))


def table(sizes, spots=0.0, pictures=1):
    persons = np.repeat(np.arange(len(sizes)), pictures)
    return pd.DataFrame({"person": persons, "size": np.repeat(sizes, pictures), "spots": spots})


def test_the_factor_is_that_of_the_patient_in_the_place_that_the_share_asks_for():
    """Reference -5 .. 5: the size reaches 5 to both sides; of 19 held-out patients the last lies at 10."""
    reference, held_out = table(np.linspace(-5, 5, 11)), table([*np.linspace(-1, 1, 18), 10.0])
    limits = set_limits(KINDS, reference, held_out, 0.95)
    assert limits["size"] == pytest.approx({LEAST: -10.0, MOST: 10.0})
    assert refusals(KINDS, limits, {"size": 10.0, "spots": 0.0}) == []
    assert refusals(KINDS, limits, {"size": 10.1, "spots": 0.0}) == ["anatomy: size"]
    lower = set_limits(KINDS, reference, held_out, 0.9)
    assert lower["size"] == pytest.approx({LEAST: -1.0, MOST: 1.0})


def test_a_contrast_may_be_halved_as_often_as_the_factor_says_but_not_turned():
    """From 0.48 to 0.23 is once half, with 0.02 added, and the spots of one patient ask for twice as far: 0.105."""
    reference = table([0.23, 0.48, 0.48, 0.5], spots=[0.0, 0.0, 0.0, 1.0])
    held_out = table([0.48] * 19, spots=[0.0] * 18 + [2.0])
    limits = set_limits(KINDS, reference, held_out, 0.95)
    assert limits["spots"][MOST] == pytest.approx(2.0)
    assert limits["size"][LEAST] == pytest.approx(0.105)


def test_a_patient_counts_once_however_many_pictures_he_has():
    reference = table(np.linspace(-5, 5, 11))
    many = table([0.0] * 50).assign(person=98)
    held_out = pd.concat([table(np.linspace(-1, 1, 17)), many, table([10.0]).assign(person=99)])
    assert set_limits(KINDS, reference, held_out, 0.9)["size"][MOST] == pytest.approx(1.0)


def test_too_few_patients_set_no_limits():
    assert (fewest_to_keep(0.99), fewest_to_keep(0.9)) == (99, 9)
    reference = table(np.linspace(0, 10, 11))
    with pytest.raises(AvatarflowError, match="18 held-out and test patients where 19 are needed"):
        set_limits(KINDS, reference, table([5.0] * 18, pictures=3), 0.95)
    with pytest.raises(AvatarflowError, match="give more patients"):
        set_limits(KINDS, reference.iloc[:0], table([5.0] * 30), 0.95)


def test_a_held_out_patient_who_was_not_measured_keeps_no_limit():
    reference, held_out = table(np.linspace(-5, 5, 11)), table([*np.linspace(-1, 1, 18), np.nan])
    assert set_limits(KINDS, reference, held_out, 0.9)["size"][MOST] == pytest.approx(1.0)
    with pytest.raises(AvatarflowError, match="could not be measured"):
        set_limits(KINDS, reference, held_out, 0.95)


@pytest.mark.parametrize("found", [{}, {"size": 5.0}, {"size": float("nan"), "spots": 0.0}])
def test_what_is_not_measured_is_refused(found):
    limits = {"size": {LEAST: 0.0, MOST: 10.0}, "spots": {MOST: 1.0}}
    assert refusals(KINDS, limits, found) == ["anatomy: could not be measured"]


def test_limits_of_originals_refuse_candidates_without_a_disc(tmp_path):
    pictures, labels = draw_eyes("fundus", range(80), [0] * 80, 64, 7)
    limits_of = [labels["person"] < last for last in (12, 24, 36)]
    role = np.select(limits_of, ["encoder", "heldout", "test"], "calibration")
    pool = labels.assign(role=role)[["person", "role", "eye_side"]]
    write_shards(tmp_path / "pool", pictures, pool, 30)
    settings = {"kind": "fundus", "pass_share": 0.95}
    limits, checked = tmp_path / "limits.json", tmp_path / "checked.parquet"
    set_limits_of(str(tmp_path / "pool"), settings, ["eye_side"], str(limits), Step.null())
    written = json.loads(limits.read_text())
    assert written["patients"] == {"reference": 12, "held_out": 24, "not_measured": 0}
    assert written["test_patients_refused"]["persons"] == 4

    blank = np.where(pictures[:2] > 20, 110, 0).astype(np.uint8)
    some = np.concatenate([pictures[30:60], blank])
    asked = labels["eye_side"].iloc[[*range(30, 60), 0, 1]].to_numpy()
    rows = pd.DataFrame({"candidate": [f"c{number}" for number in range(32)], "eye_side": asked})
    write_shards(tmp_path / "candidates", some, rows, 7)
    check_candidates(
        str(tmp_path / "candidates"), str(limits), ["eye_side"], str(checked), Step.null()
    )
    said = pd.read_parquet(checked)
    assert said["candidate"].tolist() == rows["candidate"].tolist()
    assert set(fundus.FINDINGS) < set(said.columns)
    assert (said["refusal"].iloc[30:].str.startswith("anatomy: ")).all()
    assert (said["refusal"].iloc[:30] == "").mean() > 0.8
