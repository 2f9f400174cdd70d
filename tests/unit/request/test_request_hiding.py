"""Small counts: hidden, rounded, and not told by any sum or difference, against a slow count of all tables."""

import itertools
import random

import pytest

from avatarflow.request.hiding import bounds, safe_columns, show


@pytest.mark.parametrize(
    ("count", "threshold", "shown"),
    [
        (0, 5, "fewer than 5"),
        (4, 5, "fewer than 5"),
        (5, 5, 5),
        (6, 5, 10),
        (10, 5, 10),
        (11, 5, 15),
        (9, 10, "fewer than 10"),
        (11, 10, 20),
    ],
)
def test_a_count_is_hidden_below_the_threshold_and_rounded_up_above(count, threshold, shown):
    assert show(count, threshold) == shown


@pytest.mark.parametrize("threshold", [3, 5, 10])
def test_bounds_are_the_counts_that_are_shown_alike(threshold):
    for count in range(60):
        alike = [n for n in range(120) if show(n, threshold) == show(count, threshold)]
        assert bounds(show(count, threshold), threshold) == (alike[0], alike[-1])


def possible(total, shown, threshold):
    """The hidden counts that some table of these columns has which would be shown the same: all tables are tried."""
    low, high = bounds(show(total, threshold), threshold)
    spans = {name: [bounds(one, threshold) for one in own.values()] for name, own in shown.items()}
    tables = {
        name: list(itertools.product(*(range(a, b + 1) for a, b in own)))
        for name, own in spans.items()
    }
    totals = set(range(low, high + 1))
    for own in tables.values():
        totals &= {sum(t) for t in own}
    return {
        (name, place): {t[at] for t in tables[name] if sum(t) in totals}
        for name, own in shown.items()
        for at, (place, one) in enumerate(own.items())
        if isinstance(one, str)
    }


def random_columns(rng, total):
    def parts(n):
        cuts = sorted(rng.randint(0, total) for _ in range(n - 1))
        return [b - a for a, b in itertools.pairwise([0, *cuts, total])]

    return {
        name: {f"v{at}": count for at, count in enumerate(parts(n))}
        for name, n in (("a", 2), ("b", 3))
    }


def test_what_is_shown_leaves_every_hidden_count_open():
    rng, hidden, left_out = random.Random(1), 0, 0
    for _ in range(300):
        total = rng.randint(5, 30)
        columns = random_columns(rng, total)
        shown = safe_columns(total, columns, 5)
        left_out += len(columns) - len(shown)
        for counts in possible(total, shown, 5).values():
            assert counts == {0, 1, 2, 3, 4}
            hidden += 1
    assert hidden > 100
    assert left_out > 30


def test_a_column_is_left_out_where_its_difference_from_the_total_tells():
    # 24 patients are shown as 25, 20 women as 20: at least one man
    assert safe_columns(24, {"sex": {"female": 20, "male": 4}}, 5) == {}
    # 21 women are shown as 25, too
    shown = safe_columns(24, {"sex": {"female": 21, "male": 3}}, 5)
    assert shown == {"sex": {"female": 25, "male": "fewer than 5"}}


def test_four_small_counts_whose_sum_pins_each_of_them_are_left_out():
    # 36 to 40 patients, of whom 16 to 20 are shown: four times at most 4 are 16
    columns = {"site": {"a": 20, "b": 4, "c": 4, "d": 4, "e": 4}}
    assert safe_columns(36, columns, 5) == {}


def test_a_column_is_left_out_where_another_one_tells():
    one = {"a": {"x": 20, "y": 4, "z": 1}}
    # five times exactly 5: the total, shown as 21 to 25, is 25
    other = {"b": dict.fromkeys("pqrst", 5)}
    assert set(safe_columns(25, one, 5)) == {"a"}
    assert set(safe_columns(25, other, 5)) == {"b"}
    assert set(safe_columns(25, one | other, 5)) == {"b"}


def test_nothing_is_divided_where_the_total_is_hidden():
    assert safe_columns(4, {"sex": {"female": 4, "male": 0}}, 5) == {}
