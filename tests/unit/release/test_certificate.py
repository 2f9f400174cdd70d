"""The certificate fails closed."""

import itertools
import json
import math

import pytest

from avatarflow.core.gates import hold
from avatarflow.core.outcomes import INCONCLUSIVE, PASS
from avatarflow.core.results import clean
from avatarflow.core.statistics import Estimate
from avatarflow.generators.families import FAMILIES
from avatarflow.privacy.attacks.names import ON_MODEL, due
from avatarflow.reads.release.gates import RULES as OF_READS
from avatarflow.release.certificate import certificate
from avatarflow.release.gates.model_gate import model_gate
from avatarflow.release.gates.rules import OF_CONDITIONS, RULES, hold_all, rule_of

GOOD = {
    "missed_patients.test": 0.05,
    "missed_patients.seen": 0.02,
    "specificity": 0.7,
    "verifier_matches": 0.0,
    "different_pictures": 1.0,
    "agreement.side": 0.95,
    "agreement.sex": 0.92,
    "classifier_accuracy.side": 0.85,
    "shuffled_control.side": 0.02,
    "kid_ratio": 0.3,
    "coverage_ratio": 0.9,
    "released_count.left": 80,
    "smallest_condition": 5,
    "attack_auc": 0.6,
    "shown_leaks": 0,
    "canaries_found": 0,
    "anatomy": 0.95,
}
THRESHOLDS = {
    "missed_patients": 0.1,
    "specificity": 0.5,
    "verifier_matches": 0.01,
    "different_pictures": 0.95,
    "agreement": 0.9,
    "classifier_accuracy": 0.8,
    "shuffled_control": 0.1,
    "kid_ratio": 0.5,
    "coverage_ratio": 0.5,
    "released_count": 64,
    "smallest_condition": 5,
    "attack_auc": 0.65,
    "shown_leaks": 0,
    "canaries_found": 0,
    "anatomy": 0.9,
}
COVERAGE = {"mode": "reject-all", "persons": 100, "mean_miss": 1 / 101, "miss_bound": 0.03}


def measured(unit="person"):
    return {"pool": {"unit": unit}, "cone": {"coverage": COVERAGE}}


def decide(values=GOOD, thresholds=THRESHOLDS, unit="person", n=10):
    gates = hold_all(
        {name: Estimate(value, value, value, n) for name, value in values.items()}, thresholds
    )
    return certificate("demo", gates, {"gates": thresholds}, measured(unit))


def test_passes_when_every_gate_passes():
    decided = decide()
    assert decided["decision"] == "pass"
    assert decided["reasons"] == []
    assert {each["name"] for each in decided["gates"]} == set(GOOD)
    assert decided["not_checked"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("missed_patients.test", 0.11), ("missed_patients.seen", 0.11), ("classifier_accuracy.side", 0.79),
        ("specificity", 0.4), ("verifier_matches", 0.02), ("attack_auc", 0.66),
        ("agreement.sex", 0.89), ("shuffled_control.side", 0.11), ("kid_ratio", 0.51), ("coverage_ratio", 0.49),
        ("released_count.left", 63), ("smallest_condition", 4),
        ("shown_leaks", 1), ("different_pictures", 0.94),
    ],
)  # fmt: skip
def test_one_failed_gate_refuses(name, value):
    decided = decide({**GOOD, name: value})
    assert decided["decision"] == "refuse"
    assert decided["reasons"] == [f"{name}: fail"]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", GOOD)
def test_a_figure_that_is_not_a_number_refuses(name, value):
    decided = decide({**GOOD, name: value})
    assert decided["decision"] == "refuse"
    assert decided["reasons"] == [f"{name}: inconclusive"]


@pytest.mark.parametrize("kind", RULES)
def test_an_absent_figure_or_threshold_refuses(kind):
    without = {name: value for name, value in GOOD.items() if name.partition(".")[0] != kind}
    assert f"{kind}: inconclusive" in decide(without)["reasons"]
    assert (
        decide(thresholds={name: value for name, value in THRESHOLDS.items() if name != kind})[
            "decision"
        ]
        == "refuse"
    )
    for broken in (None, math.nan, True, "x"):
        assert decide(thresholds={**THRESHOLDS, kind: broken})["decision"] == "refuse"


def test_a_threshold_that_nothing_can_breach_asks_nothing():
    without = {name: value for name, value in GOOD.items() if name != "attack_auc"}
    decided = decide(without, {**THRESHOLDS, "attack_auc": 1.0})
    assert decided["decision"] == "pass"
    assert "attack_auc" not in {gate["name"] for gate in decided["gates"]}
    assert decided["not_checked"] == ["attack_auc"]
    assert decide(without, {**THRESHOLDS, "attack_auc": 0.99})["decision"] == "refuse"


@pytest.mark.parametrize("name", [*RULES, *OF_READS])
def test_no_gate_of_pictures_or_reads_passes_where_n_is_0(name):
    at_limit = [hold(name, rule_of(name), Estimate.exact(0.5, n), 0.5).result for n in (1, 0)]
    assert at_limit == [PASS, INCONCLUSIVE]
    assert (name in RULES) != (name in OF_READS)


def test_figures_of_nothing_refuse():
    assert {gate["result"] for gate in decide(n=0)["gates"]} == {INCONCLUSIVE}


def test_without_conditions_nothing_that_is_of_them_is_there_to_pass():
    asked, measured = (
        {
            name: value
            for name, value in given.items()
            if name.partition(".")[0] not in OF_CONDITIONS
        }
        for given in (THRESHOLDS, GOOD)
    )
    decided = decide(measured, asked)
    assert decided["decision"] == "pass"
    assert {gate["name"] for gate in decided["gates"]} == set(measured)
    assert decide(measured)["decision"] == "refuse"


def test_no_gates_at_all_refuse():
    assert certificate("demo", [], {}, measured())["decision"] == "refuse"
    assert decide({}, {})["decision"] == "refuse"


PASSED = {
    "view": "model", "target": "student", "members": 150, "non_members": 150, "conclusion": "pass",
    "auc": {"value": 0.5, "low": 0.45, "high": 0.6}, "positive": {"caught": True}, "negative": {"clean": True},
}  # fmt: skip
ASKED = {"largest_auc": 0.6, "fewest_persons": 150}


def gate_of(change=None, attacks=ON_MODEL, settings=ASKED):
    rows = [{**PASSED, "attack": name} for name in attacks]
    if change:
        rows[1] |= change
    return model_gate({"rows": rows}, settings)


def test_the_model_gate_passes_when_every_attack_was_passed():
    found = gate_of()
    assert (found["result"], found["high"], found["n"]) == ("pass", 0.6, 150)
    assert decide()["model_gate"]["result"] == "inconclusive"


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({"conclusion": "fail"}, "fail"), ({"auc": {"value": 0.5, "low": 0.4, "high": 0.601}}, "fail"),
        ({"auc": None}, "inconclusive"), ({"auc": {"value": 0.5, "low": 0.4, "high": math.nan}}, "inconclusive"),
        ({"positive": {"caught": False}}, "inconclusive"), ({"negative": {"clean": False}}, "inconclusive"),
        ({"members": 149}, "inconclusive"), ({"non_members": 149}, "inconclusive"),
        ({"conclusion": "inconclusive"}, "inconclusive"), ({"conclusion": "great"}, "inconclusive"),
        ({"target": "teacher"}, "inconclusive"), ({"positive": {}}, "inconclusive"),
        ({"positive": {"caught": False}, "conclusion": "fail"}, "inconclusive"),
    ],
)  # fmt: skip
def test_one_attack_that_is_not_passed_keeps_the_model_in(change, result):
    assert gate_of(change)["result"] == result


@pytest.mark.parametrize(
    ("family", "missing"),
    [(name, attack) for name, can in FAMILIES.items() for attack in due(can.attacked_by)],
)
def test_an_attack_that_is_due_and_was_not_run_keeps_the_model_in(family, missing):
    asked = due(FAMILIES[family].attacked_by)
    rows = [{**PASSED, "attack": name} for name in asked]
    assert model_gate({"rows": rows}, ASKED, family)["result"] == "pass"
    found = model_gate({"rows": [row for row in rows if row["attack"] != missing]}, ASKED, family)
    assert found["result"] == "inconclusive"
    assert f"{missing} (not run)" in found["meaning"]


def test_attacks_on_another_family_are_no_substitute():
    families = {can.attacked_by: name for name, can in reversed(FAMILIES.items())}
    assert set(families) == {"denoise", "likelihood", "discriminator"}
    for (asks, family), run in itertools.product(families.items(), families):
        rows = [{**PASSED, "attack": name} for name in due(run)]
        known = "pass" if run == asks else "inconclusive"
        assert model_gate({"rows": rows}, ASKED, family)["result"] == known


@pytest.mark.parametrize("settings", [None, {}, {"largest_auc": 0.6}, {"fewest_persons": 150}])
def test_without_what_was_asked_the_model_stays_in(settings):
    assert gate_of(settings=settings)["result"] == "inconclusive"
    assert (
        model_gate(None, ASKED)["result"]
        == model_gate({"rows": []}, ASKED)["result"]
        == "inconclusive"
    )


def test_every_attack_on_generators_is_asked_for():
    from avatarflow.privacy.attacks.on_generator.registry import MODEL_ATTACKS, attacks_on
    from avatarflow.privacy.attacks.on_pictures.registry import DATA_ATTACKS

    on_pictures = [name for name, each in DATA_ATTACKS.items() if each.access == "model"]
    assert set(ON_MODEL) == {*MODEL_ATTACKS, *on_pictures}
    for asked in {can.attacked_by for can in FAMILIES.values()}:
        assert set(due(asked)) == {*attacks_on(asked), *on_pictures}


def test_the_model_stays_in_and_does_not_hold_back_data():
    decided = decide()
    assert decided["model_gate"]["result"] == "inconclusive"
    assert decided["decision"] == "pass"


@pytest.mark.parametrize(
    ("high", "result"), [(0.1, "pass"), (0.1001, "fail"), (None, "inconclusive")]
)
def test_missed_patients_are_held_at_the_upper_end(high, result):
    gate = hold("missed_patients", RULES["missed_patients"], Estimate(0.0, 0.0, high, 36), 0.1)
    assert gate.result == result


def test_figures_without_a_gate_are_refused():
    with pytest.raises(ValueError, match="without a gate"):
        hold_all({"beauty": Estimate.exact(1, 1)}, {})


def test_is_plain_sorted_and_rounded():
    decided = decide({**GOOD, "kid_ratio": 0.1234567891})
    text = json.dumps(decided, sort_keys=True, allow_nan=False)
    assert json.loads(text) == decided
    assert "0.123457" in text
    assert clean({"b": math.nan, "a": [1, 2.00000001, True]}) == {"a": [1, 2.0, True], "b": None}


def test_says_eye_where_only_eyes_are_known():
    assert "do not tell which eyes belong to one person" in decide(unit="eye")["claim"][0]
    assert "0.99%" in " ".join(decide()["claim"])


def test_epsilon_stands_in_the_claim_with_what_it_does_not_cover():
    private = {"epsilon": 7.96, "delta": 1e-4, "largest_advantage": 0.9993, "accountant": "some"}
    gates = hold_all({}, THRESHOLDS)
    plain = certificate("eyes", gates, {}, measured("eye"))["claim"]
    claims = certificate("eyes", gates, {}, measured("eye") | {"differential_privacy": private})[
        "claim"
    ]
    assert claims[: len(plain)] == plain
    cost, covered = claims[len(plain) :]
    assert "epsilon 7.96 at delta 0.0001 for the presence of all pictures of one eye" in cost
    assert "Such a bound says next to nothing" in cost
    assert "A patient with both eyes has about twice that epsilon" in cost
    assert "does not cover the released pictures" in covered
