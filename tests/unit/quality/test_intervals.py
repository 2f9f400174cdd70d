"""Figures: Wilson's interval, missing values, bootstrap weights."""

import numpy as np
import pytest

from avatarflow.quality.intervals import Figure, bootstrap_weights, share_over_persons, wilson


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)
def test_wilson_against_newcombe_1998(hits, n, low, high):
    figure = wilson(hits, n)
    assert figure.value == hits / n
    assert (figure.low, figure.high) == pytest.approx((low, high), abs=6e-5)


def test_nothing_measured_is_missing_and_not_zero():
    assert wilson(0, 0) == Figure(None, None, None, 0)
    assert Figure.of({"value": float("nan"), "low": 0.1, "high": "x", "n": 3}) == Figure(None, 0.1, None, 3)
    assert Figure.of(None).value is None
    assert Figure.of({"value": True}).value is None
    assert Figure.bootstrapped(float("nan"), np.ones(5), 3).value is None


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
