"""Figures of attacks: known values, intervals that hold what they say, refusals."""

import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.outcomes import FAIL, INCONCLUSIVE, PASS
from avatarflow.privacy.attacks import figures
from avatarflow.privacy.attacks.conclusion import conclude, judge, leaks
from avatarflow.privacy.attacks.interface import Scores, measure

SETTINGS = {"largest_auc": 0.6, "fewest_persons": 5}


def scores(members, others, pictures=1):
    values = np.repeat(np.array([*members, *others], float), pictures)
    persons = np.repeat(np.arange(len(members) + len(others)), pictures)
    return Scores(values, persons < len(members), persons)


@pytest.mark.parametrize(
    ("members", "others", "area"),
    [
        ([3, 4], [1, 2], 1.0), ([1, 2], [3, 4], 0.0), ([1, 3], [2, 4], 0.25), ([1, 1], [1, 1], 0.5),
        ([2, 1], [1, 0], 0.875),
    ],
)  # fmt: skip
def test_auc_of_known_scores(members, others, area):
    found = figures.auc(np.array(members, float), np.array(others, float))
    assert found.value == area
    assert 0 <= found.low <= area <= found.high <= 1


def test_the_interval_keeps_a_width_where_sides_do_not_overlap():
    few = figures.auc(np.arange(10.0) + 100, np.arange(10.0))
    many = figures.auc(np.arange(150.0) + 1000, np.arange(150.0))
    assert few.value == many.value == few.high == 1.0
    assert few.low < many.low < 1.0
    assert few.low == pytest.approx(
        0.79, abs=0.02
    )  # z^2 / (n + z^2)-like shrinkage: 10 + 10 persons prove little


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
def test_the_interval_covers(shift):
    from scipy.stats import norm

    rng, truth, inside = np.random.default_rng(4), norm.cdf(shift / np.sqrt(2)), 0
    for _ in range(200):
        found = figures.auc(rng.normal(shift, 1, 40), rng.normal(0, 1, 60))
        inside += found.low <= truth <= found.high
    assert inside >= 0.92 * 200


def test_true_positives_of_known_scores():
    members, others = np.array([5.0, 6, 7, 8]), np.arange(10.0)  # others 0 .. 9
    none = figures.true_positives(members, others, 0.001)
    assert (none["value"], none["false_positives"]) == (0.0, 0)
    assert none["fpr_bound"] == pytest.approx(1 - 0.025 ** (1 / 10))
    assert (
        figures.true_positives(members, others, 0.2)["value"] == 0.25
    )  # threshold 7: 8 and 9 are wrong
    assert figures.true_positives(members, others, 0.2)["false_positives"] == 2
    assert figures.true_positives(members, others, 1.0)["value"] == 1.0


def test_the_chance_of_recognised_members_is_exact():
    members, others = np.arange(4.0) + 20, np.arange(10.0)
    found = figures.true_positives(members, others, 0.001)
    assert found["chance"] == pytest.approx(1 / 1001)  # 4 of 14 in one order of C(14, 4)
    assert figures.true_positives(others[:4], others, 0.001)["chance"] == 1.0


def test_a_tail_by_chance_is_no_leak_and_a_few_victims_are():
    rng, alarms = np.random.default_rng(2), 0
    for _ in range(60):
        members, others = rng.normal(size=200), rng.normal(size=150)
        found = measure(scores(members, others))
        alarms += any(each["chance"] <= 0.01 for each in found["tpr"].values())
        assert not leaks(found, 0.6)
    assert alarms <= 5  # 60 x 3 x 0.01 at most are expected
    victims = np.concatenate([members[:185], 10 + rng.normal(size=15)])
    assert "some members are recognised" in leaks(measure(scores(victims, others)), 0.6)
    assert not leaks(measure(scores(np.append(members[:195], np.full(5, 10.0)), others)), 0.6)


def test_persons_are_the_unit_and_order_does_not_matter():
    rng = np.random.default_rng(0)
    base = scores(rng.normal(1, 1, 20), rng.normal(0, 1, 30), pictures=3)
    noisy = Scores(base.values + np.tile([-1.0, 0.0, 1.0], 50), base.member, base.persons)
    found, order = measure(noisy), rng.permutation(150)
    shuffled = measure(Scores(noisy.values[order], noisy.member[order], noisy.persons[order]))
    assert found["auc"]["n"] == 50
    assert found["pictures"] == 150
    assert shuffled["auc"] == pytest.approx(found["auc"], abs=1e-12)
    assert (shuffled["tpr"], shuffled["worst"]) == (found["tpr"], found["worst"])
    single = measure(scores(base.values[:60:3], base.values[60::3]))
    assert found["auc"] == pytest.approx(single["auc"], abs=1e-9)


def test_the_worst_person_is_named_by_number_only():
    found = measure(
        Scores(
            np.array([0.1, 9.0, 0.2, 1.0, 0.0]),
            np.array([1, 1, 0, 0, 0], bool),
            np.array([70, 31, 2, 3, 4]),
        )
    )
    assert found["worst"] == {"person": 31, "beats": 1.0}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (scores([], [1.0, 2.0]), "0 persons are members"),
        (scores([1.0], [1.0, 2.0]), "1 persons are members"),
        (scores([1.0, 2.0], [1.0]), "1 persons are non-members"),
        (scores([1.0, np.nan], [1.0, 2.0]), "1 of 4 scores are not finite"),
        (scores([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]), "the very same scores"),
        (Scores(np.arange(4.0), np.arange(4) % 2 == 0, np.array([1, 1, 2, 3])), "1 persons are members and"),
        (Scores(np.arange(4.0), np.ones(3, bool), np.arange(4)), "differ in number"),
    ],
)  # fmt: skip
def test_refusals(bad, said):
    with pytest.raises(AvatarflowError, match=said):
        measure(bad)


def test_all_problems_are_named_at_once():
    with pytest.raises(AvatarflowError) as refusal:
        measure(scores([np.nan], []))
    assert len(str(refusal.value).splitlines()) == 3


def outcome(shift, caught=3.0, clean=0.0, settings=SETTINGS, n=200):
    rng = np.random.default_rng(1)
    drawn = [scores(rng.normal(by, 1, n), rng.normal(0, 1, n)) for by in (shift, caught, clean)]
    return conclude(lambda: drawn[0], lambda: drawn[1], lambda: drawn[2], settings)


@pytest.mark.parametrize(
    ("kwargs", "conclusion", "said"),
    [
        ({"shift": 0.0}, PASS, "lies within 0.4 to 0.6"),
        ({"shift": 2.0}, FAIL, "members are recognised"),
        ({"shift": -2.0}, FAIL, "recognised by their absence"),
        ({"shift": 0.0, "caught": 0.0}, INCONCLUSIVE, "positive control was not caught"),
        ({"shift": 2.0, "caught": 0.0}, INCONCLUSIVE, "positive control was not caught"),
        ({"shift": 0.0, "clean": 2.0}, INCONCLUSIVE, "negative control was not clean"),
        ({"shift": 0.0, "settings": {**SETTINGS, "fewest_persons": 201}}, INCONCLUSIVE, "fewer than 201"),
        ({"shift": 0.0, "settings": {**SETTINGS, "largest_auc": 0.52}}, FAIL, "reaches beyond 0.48 to 0.52"),
        ({"shift": 2.0, "settings": {**SETTINGS, "fewest_persons": 201}}, FAIL, "members are recognised"),
    ],
)  # fmt: skip
def test_conclusions(kwargs, conclusion, said):
    found = outcome(**kwargs)
    assert found["conclusion"] == conclusion
    assert said in found["reason"]


def test_a_few_victims_behind_a_harmless_mean_fail():
    rng = np.random.default_rng(3)
    members = rng.normal(0, 1, 300)
    members[:24] += 20  # 8 % are copied; the AUC stays near 0.54
    found = measure(scores(members, rng.normal(0, 1, 300)))
    assert found["auc"]["high"] < 0.6
    conclusion, reason = judge(found, True, True, {"largest_auc": 0.6, "fewest_persons": 150})
    assert conclusion == FAIL
    assert "some members are recognised" in reason


def test_an_attack_that_cannot_run_says_why():
    found = conclude(lambda: scores([], [1.0, 2.0]), lambda: None, lambda: None, SETTINGS)
    assert found["conclusion"] == INCONCLUSIVE
    assert "0 persons are members" in found["reason"]
    assert found["auc"] is None
    refused = conclude(
        lambda: scores(range(9), range(9, 20)),
        lambda: scores([1.0], []),
        lambda: scores([], []),
        SETTINGS,
    )
    assert refused["conclusion"] == INCONCLUSIVE
    assert refused["positive"]["caught"] is False
