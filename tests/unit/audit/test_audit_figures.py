"""What an audit makes of decisions, rules, held-out subjects and cameras; and what it dares to conclude."""

import numpy as np
import pandas as pd
import pytest

from avatarflow.audit.answers import NAMES, answers, holds, overall, spares, told, too_near
from avatarflow.audit.baselines import compare_on_candidates
from avatarflow.audit.cameras import by_camera
from avatarflow.audit.candidates import by_label, outcomes, share, whom
from avatarflow.audit.non_members import non_members_met
from avatarflow.privacy.baselines.compare import People, compare
from avatarflow.privacy.baselines.neighbourhood import Originals
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.cones.shape import Shape

INSIDE, OUTSIDE, LOST = "inside the cone of an original", "outside every cone", "not readable"


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


DECISIONS = pd.DataFrame(
    {
        "risk": [0.5, 0.2, 1.5, np.nan, 0.9],
        "accepted": [False, False, True, False, False],
        "reason": [INSIDE, INSIDE, OUTSIDE, LOST, INSIDE],
        "matched_original": pd.array([3, 7, 3, None, 8], "Int64"),
    }
)
POOL = pd.DataFrame({"row": [3, 7, 8, 9], "person": [10, 11, 11, 12]})


def test_risky_refused_and_accepted_are_counted_apart():
    found = outcomes(DECISIONS)
    assert (found["candidates"], found["judged"]) == (5, 4)
    assert [found[name]["count"] for name in ("risky", "refused", "accepted")] == [3, 1, 1]
    assert found["accepted"]["value"] == 0.2
    assert found["accepted"]["low"] == pytest.approx(0.00505, abs=1e-5)  # Clopper-Pearson of 1 in 5
    assert found["accepted"]["high"] == pytest.approx(0.71642, abs=1e-5)


def test_what_a_verifier_sees_is_risky_and_what_it_cannot_see_is_not_judged():
    reason = [
        "outside every cone, but the verifier matches an original",
        "outside every cone, but the verifier has nothing to compare",
    ]
    found = outcomes(pd.DataFrame({"accepted": [False, False], "reason": reason}))
    assert [found[name]["count"] for name in ("risky", "refused", "accepted")] == [1, 1, 0]
    assert (found["inside"], found["matched_outside"], found["judged"]) == (0, 1, 1)
    assert found["left_out"] == dict.fromkeys(reason, 1)


def test_a_share_of_nothing_is_no_number():
    assert share(np.zeros(0, bool)) == {"value": None, "low": 0.0, "high": 1.0, "count": 0, "n": 0}


def test_risky_candidates_point_at_persons_by_number():
    found = whom(DECISIONS, POOL)
    assert (found["persons_met"], found["originals_met"]) == (2, 3)
    assert found["worst_person"] == {"person": 11, "risk": 0.2, "candidates": 2}


def test_nobody_is_worst_where_nothing_was_judged():
    assert whom(DECISIONS.iloc[[3]], POOL) == {
        "persons_met": 0,
        "originals_met": 0,
        "worst_person": None,
    }


def test_labels_that_are_missing_make_no_group():
    labels = pd.DataFrame({"sex": ["f", "f", "m", None, None], "age": [None] * 5}, dtype=object)
    found = by_label(DECISIONS, labels)
    assert set(found) == {"sex"}
    assert {value: (each["count"], each["n"]) for value, each in found["sex"].items()} == {
        "f": (0, 2),
        "m": (1, 1),
    }


@pytest.fixture(scope="module")
def world():
    """Forty originals of twenty persons, their perturbations, and candidates: copies, others', one without a row."""
    rng = np.random.default_rng(4)
    rows = unit(rng.normal(size=(40, 12)))
    persons = np.repeat(np.arange(20), 2)
    cones = Cones(rows, np.arange(1, 41), np.full(40, 0.1), np.full(40, 1.0), Shape(), 1.0, "e")
    altered = unit(np.repeat(rows, 3, 0) + 0.04 * rng.normal(size=(120, 12)))
    held_out = unit(rng.normal(size=(30, 12)))
    people = [
        People(altered[:60], np.repeat(persons, 3)[:60]),
        People(altered[60:], np.repeat(persons, 3)[60:]),
    ]
    originals = Originals.of(cones, persons)
    baselines = compare(originals, *people, People(held_out, np.arange(100, 130)), 1)
    foreign = np.concatenate([rows[:10], unit(rng.normal(size=(30, 12)))])
    foreign[12] = np.nan
    return originals, baselines, foreign


def test_every_rule_takes_copies_and_says_how_far_it_agrees(world):
    originals, baselines, foreign = world
    force = np.arange(40) >= 10
    table = compare_on_candidates(foreign, force, originals, baselines).set_index("rule")
    assert (table["accepted_n"] == 39).all()
    assert table.loc["cone", "agreement_with_cone"] == 1
    assert table.loc["distance", "agreement_with_cone"] < 1 or table["accepted"].nunique() == 1
    assert (
        table.loc["cone", "specificity"]
        == baselines.set_index(["rule", "level"]).loc[("cone", "99.9%"), "specificity"]
    )
    for rule, row in table.iterrows():
        assert row["accepted"] <= 29 / 39, rule  # the ten copies are nobody's to accept
        # and all else is accepted
        assert row["agreement"] == pytest.approx(1 - (29 / 39 - row["accepted"])), rule


def test_the_rules_do_not_depend_on_blocks(world, monkeypatch):
    originals, baselines, foreign = world
    whole = compare_on_candidates(foreign, np.ones(40, bool), originals, baselines)
    monkeypatch.setattr("avatarflow.audit.baselines.BLOCK", 7)
    pd.testing.assert_frame_equal(
        compare_on_candidates(foreign, np.ones(40, bool), originals, baselines), whole
    )


def circle(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def test_candidates_near_held_out_subjects_raise_a_doubt_only_beyond_what_is_usual():
    held_out, persons = circle(*range(0, 360, 18)), np.arange(20)
    copies, far = np.tile(circle(0), (30, 1)), np.tile(circle(9), (30, 1))
    met = non_members_met(copies, held_out, persons, np.radians(5))
    assert (met["candidates"]["count"], met["between_non_members"]["count"], met["doubtful"]) == (
        30,
        0,
        True,
    )
    met = non_members_met(far, held_out, persons, np.radians(5))
    assert (met["candidates"]["count"], met["doubtful"]) == (0, False)
    # held-out subjects lie as near to each other
    met = non_members_met(copies, held_out, persons, np.radians(20))
    assert (met["between_non_members"]["count"], met["doubtful"]) == (20, False)


def test_two_pictures_of_one_held_out_subject_are_not_two_held_out_subjects():
    held_out, persons = circle(0, 1, 90, 180), np.array([0, 0, 1, 2])
    assert (
        non_members_met(circle(45), held_out, persons, np.radians(5))["between_non_members"][
            "count"
        ]
        == 0
    )
    assert non_members_met(circle(45), held_out[:2], persons[:2], np.radians(5)) is None


def cameras(mode="reject-all"):
    roles = ["calibration"] * 5 + ["test"] * 3 + ["heldout"] * 4
    pool = pd.DataFrame(
        {
            "person": range(12),
            "role": roles,
            "camera": ["a"] * 4 + ["b", "a", "a", "b", "a", "c", "c", None],
        }
    )
    risk = {
        "altered": np.array([0.5, 0.6, 0.7, 1.2, 0.9, 0.9]),
        "held_out": np.array([0.8, 3.0, 3.0, 1.5]),
    }
    decisions = pd.DataFrame({"accepted": [True, False, True]})
    labels = pd.DataFrame({"camera": ["a", "a", "c"]})
    settings = {
        "cameras": {"camera": ["a", "b", "c"]},
        "cone": {"mode": mode, "fewest_persons": 4},
    }
    return by_camera(pool, settings, risk, decisions, labels, 1)["camera"]


def test_a_camera_is_covered_by_its_own_calibration_persons_only():
    found = cameras()
    assert [(name, each["calibration_persons"], each["covered"]) for name, each in found.items()] == [
        ("a", 4, True), ("b", 1, False), ("c", 0, False), ("(not known)", 0, False),
    ]  # fmt: skip
    assert found["a"]["promise"]["mean_miss"] == pytest.approx(1 / 5)
    assert found["b"]["promise"] is None
    assert cameras("conformal")["a"]["promise"] is None  # that promise is on average over cameras


def test_figures_of_a_camera_are_of_its_own_pictures():
    found = cameras()
    assert (found["a"]["miss"]["value"], found["a"]["miss"]["persons"]) == (0.5, 2)
    assert (found["b"]["miss"]["value"], found["b"]["miss"]["persons"]) == (0.0, 1)
    assert found["a"]["specificity"]["value"] == 0.0
    assert found["c"]["specificity"]["value"] == 1.0
    assert [name for name, each in found.items() if each["foreign_camera"]] == ["c", "(not known)"]
    assert [found[name]["accepted"]["n"] for name in "abc"] == [2, 0, 1]


# --- answers


def weighed(risky=0, refused=0, judged=10, matched=0):
    counts = {name: {"count": count} for name, count in (("risky", risky), ("refused", refused))}
    counts |= {"inside": risky - matched, "matched_outside": matched}
    return {**counts, "judged": judged, "candidates": judged + refused}


def calibrated(value=0.0, low=0.0, high=0.05, persons=80, held_out=None):
    miss = {"value": value, "low": low, "high": high, "persons": persons}
    return {"miss": miss, "coverage": {"miss_bound": 0.06}, "specificity": held_out}


def attack(conclusion="pass", shown=False, target="foreign", reason="why; what to do"):
    return {
        "conclusion": conclusion,
        "shown": shown,
        "target": target,
        "reason": reason,
        "attack": "a_b",
        "view": "pixels",
    }


@pytest.mark.parametrize(
    ("found", "left_out", "answer"),
    [
        (weighed(), 0, "pass"),
        (weighed(risky=1), 0, "fail"),
        (weighed(risky=1, refused=2), 3, "fail"),
        (weighed(refused=1), 0, "inconclusive"),
        (weighed(), 1, "inconclusive"),
        (weighed(judged=0), 0, "inconclusive"),
    ],
)
def test_candidates_are_clear_only_where_all_were_compared_with_all(found, left_out, answer):
    assert too_near(found, left_out)["answer"] == answer


def test_only_what_lies_in_a_cone_is_said_to_lie_in_one():
    sentence = too_near(weighed(risky=103, judged=200, matched=100), 0)["reason"]
    assert sentence.startswith(
        "3 of 200 candidates lie in the cone of an original; 100 lie in none"
    )
    assert "none" not in too_near(weighed(risky=3), 0)["reason"]
    assert too_near(weighed(risky=1, matched=1), 0)["answer"] == "fail"


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        (calibrated(), "pass"),
        # too few to confirm, nothing that contradicts
        (calibrated(high=0.3, persons=10), "measured"),
        (calibrated(value=0.3, low=0.2, high=0.4), "fail"),
        (calibrated(persons=0), "inconclusive"),
    ],
)
def test_test_persons_confirm_the_promise_only_where_they_are_enough(found, answer):
    assert holds(found)["answer"] == answer


def test_without_held_out_subjects_nobody_knows_what_a_rejection_is_worth():
    assert spares(calibrated())["answer"] == "inconclusive"
    known = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 40, "persons": 20}
    assert spares(calibrated(held_out=known))["answer"] == "measured"


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        ([attack(), attack()], "pass"),
        ([attack(), attack("inconclusive")], "inconclusive"),
        ([attack("inconclusive"), attack("fail")], "fail"),
        ([attack(shown=True)], "fail"),
        ([], "inconclusive"),
    ],
)
def test_membership_passes_only_where_every_attack_does(rows, answer):
    assert told(rows, next(iter(NAMES)))["answer"] == answer


def test_an_audit_passes_only_where_every_question_was_judged_and_none_fails():
    known = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 40, "persons": 20}
    both = [attack(), attack(target="accepted")]
    assert overall(answers(weighed(), calibrated(held_out=known), both, 0)) == "pass"
    assert overall(answers(weighed(), calibrated(), both, 0)) == "inconclusive"
    assert overall(answers(weighed(), calibrated(held_out=known), both[:1], 0)) == "inconclusive"
    assert overall(answers(weighed(risky=1), calibrated(), both[:1], 0)) == "fail"
    assert overall([]) == "inconclusive"
