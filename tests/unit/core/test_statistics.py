"""Estimates: intervals, missing values, bootstrap weights; and the gates that hold them."""

import math

import numpy as np
import pytest

from avatarflow.core.gates import ABOVE, AT_LEAST, AT_MOST, Rule, Unit, all_pass, hold
from avatarflow.core.outcomes import FAIL, INCONCLUSIVE, PASS, worst
from avatarflow.core.statistics import (
    Estimate,
    bootstrap_weights,
    share_over_persons,
    wilson,
    wilson_or_exact,
)

UNIT = Unit("share of pictures", "pictures")


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
    ],
)
def test_wilson_against_newcombe_1998(hits, n, low, high):
    figure = wilson(hits, n)
    assert figure.value == hits / n
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=6e-5)


def test_nothing_measured_is_missing_and_not_zero():
    assert wilson(0, 0) == Estimate(None, None, None, 0)
    assert Estimate.of({"value": float("nan"), "low": 0.1, "high": "x", "n": 3}) == Estimate(
        None, 0.1, None, 3
    )
    assert Estimate.of(None).value is None
    assert Estimate.of({"value": True}).value is None
    assert Estimate.bootstrapped(float("nan"), np.ones(5), 3).value is None


def test_persons_and_not_pictures_carry_the_interval():
    once = share_over_persons([True, False], np.array([0, 1]))
    often = share_over_persons([True] * 50 + [False] * 50, np.repeat([0, 1], 50))
    assert (once.low, once.high, once.n) == (often.low, often.high, often.n)


def test_each_bootstrap_sample_has_as_many_persons():
    weights = bootstrap_weights(7, 20, seed=1, purpose="x")
    assert weights.shape == (20, 7)
    assert (weights.sum(1) == 7).all()
    np.testing.assert_array_equal(weights, bootstrap_weights(7, 20, seed=1, purpose="x"))
    assert (weights != bootstrap_weights(7, 20, seed=1, purpose="y")).any()


@pytest.mark.parametrize("total", [1, 10, 3000])
def test_when_nothing_was_missed_the_bound_is_exact(total):
    every, none = wilson_or_exact(total, total), wilson_or_exact(0, total)
    assert (every.value, every.high) == (1, 1)
    assert every.low**total == pytest.approx(0.05)  # Clopper and Pearson, one-sided
    assert (none.value, none.low, none.high) == pytest.approx((0, 0, 1 - every.low))
    if total > 1000:
        assert none.high == pytest.approx(3 / total, rel=0.01)  # the rule of three
    assert wilson_or_exact(5, 10) == wilson(5, 10)


def test_columns_of_an_estimate_that_is_missing_are_nan():
    assert np.isnan(list(wilson_or_exact(0, 0).fields("share").values())).all()
    assert list(wilson_or_exact(1, 2).fields("share")) == ["share", "share_low", "share_high"]


@pytest.mark.parametrize(
    ("direction", "bound", "threshold", "result"),
    [
        (AT_LEAST, False, 0.5, PASS), (AT_LEAST, True, 0.5, FAIL), (AT_LEAST, True, 0.4, PASS),
        (AT_MOST, False, 0.5, PASS), (AT_MOST, True, 0.5, FAIL), (AT_MOST, True, 0.6, PASS),
        (ABOVE, False, 0.5, FAIL), (ABOVE, False, 0.4, PASS), (AT_LEAST, False, None, INCONCLUSIVE),
        (AT_LEAST, False, math.nan, INCONCLUSIVE), (AT_LEAST, False, True, INCONCLUSIVE),
    ],
)  # fmt: skip
def test_a_gate_holds_the_value_or_the_cautious_end(direction, bound, threshold, result):
    assert (
        hold("x", Rule(direction, "", UNIT, bound), Estimate(0.5, 0.4, 0.6, 9), threshold).result
        == result
    )


@pytest.mark.parametrize(
    ("direction", "off", "switches", "asks"),
    [(AT_MOST, 1.0, (1, 1.5), (0.99, None, True, math.nan)), (AT_LEAST, 0.0, (0, -1), (0.01, None, "0x"))],
)  # fmt: skip
def test_a_threshold_that_no_figure_can_breach_switches_a_gate_off(direction, off, switches, asks):
    rule = Rule(direction, "", UNIT, off=off)
    assert all(rule.is_off(limit) for limit in switches)
    assert not any(rule.is_off(limit) for limit in asks)
    assert not any(Rule(direction, "", UNIT).is_off(limit) for limit in switches)


def test_gates_fail_closed():
    rule = Rule(AT_MOST, "", UNIT, bound=True)
    missing = [Estimate.missing(), Estimate(0.5, 0.4, None, 9), Estimate(0.5, 0.4, math.inf, 9)]
    missing += [Estimate.exact(0, 0), Estimate(0.5, 0.4, 0.6, -1)]
    assert {hold("x", rule, estimate, 1).result for estimate in missing} == {INCONCLUSIVE}
    assert not all_pass([])
    passing = hold("x", rule, Estimate.exact(0, 1), 1)
    assert all_pass([passing])
    assert not all_pass([passing, hold("x", rule, Estimate.missing(), 1)])
    assert worst([]) == worst([PASS, INCONCLUSIVE]) == INCONCLUSIVE
    assert worst([PASS, INCONCLUSIVE, FAIL]) == FAIL
