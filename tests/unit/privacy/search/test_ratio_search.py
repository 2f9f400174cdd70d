"""The search by ratio: its bounds hold for every original, whatever the widths and wherever the tangent touches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarflow.privacy.search.neighbours import pair_angles
from avatarflow.privacy.search.ratio_search import RatioSearch


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    spread=st.floats(0, 2),
    typical=st.floats(0.05, 5),
    k=st.integers(1, 90),
    d=st.sampled_from([2, 8, 64]),
)
def test_bounds_hold_for_those_found_and_those_not(seed, spread, typical, k, d):
    rng = np.random.default_rng(seed)
    rows = unit(rng.standard_normal((90, d)))
    queries = np.concatenate(
        [unit(rng.standard_normal((20, d))), rows[:5], -rows[:5], unit(rows[:5] + 1e-4)]
    )
    halves = 0.4 * np.exp(spread * rng.standard_normal(90))
    least, most, found, beyond = RatioSearch(rows, halves, typical).top(queries, k)
    truth = pair_angles(queries[:, None], rows[None]) / halves
    exact = np.take_along_axis(truth, found, 1)
    assert (least <= exact).all()
    assert (exact <= most).all()
    others = truth.copy()
    np.put_along_axis(others, found, np.inf, 1)
    assert (beyond <= others.min(1)).all()


def test_the_proof_mostly_holds_at_once():
    rng = np.random.default_rng(0)
    rows, halves = unit(rng.standard_normal((2000, 64))), rng.uniform(0.4, 0.9, 2000)
    least, most, _, beyond = RatioSearch(rows, halves, 1.9).top(
        unit(rng.standard_normal((300, 64))), 32
    )
    assert (beyond > most.min(1)).mean() > 0.95
    assert (most - least).max() < 0.01


@pytest.mark.parametrize("width", [0.02, 0.5])
def test_equal_widths_search_by_angle(width):
    rng = np.random.default_rng(1)
    rows, queries = unit(rng.standard_normal((200, 16))), unit(rng.standard_normal((30, 16)))
    found = RatioSearch(rows, np.full(200, width), 1.0).top(queries, 1)[2]
    assert (found[:, 0] == pair_angles(queries[:, None], rows[None]).argmin(1)).all()
