"""k, l and t of literal tables, and what must not change them."""

import math

import numpy as np
import pytest

from avatarflow.tables.classes import numbered, patient_classes
from avatarflow.tables.criteria import (
    ORDERED,
    Sensitive,
    distances,
    distinct_values,
    entropy_values,
    sizes,
)
from avatarflow.tables.risk import journalist, marketer, prosecutor

# Li, Li and Venkatasubramanian 2007, table 3 and section 4.1 (salaries in thousands of nine patients, three classes)
CLASSES = np.repeat(np.arange(3), 3)
SALARIES = ["3", "4", "5", "6", "11", "8", "7", "9", "10"]
EVERYONE = np.ones(9, bool)


def test_the_ordered_distances_of_the_paper():
    masses = Sensitive.of(np.arange(9), SALARIES, ORDERED).masses(CLASSES, EVERYONE)
    # {3k,4k,5k}: 0.375 and {6k,8k,11k}: 0.167, as in section 4.1
    assert distances(masses, ORDERED).tolist() == pytest.approx([0.375, 0.1667, 0.2361], abs=1e-4)


def test_distinct_and_entropy_l_and_the_equal_distance():
    cells = ["a", "a", "b", "c", "c", "c", None, "", None]
    column = Sensitive.of(np.arange(9), cells)
    masses, surest = column.masses(CLASSES, EVERYONE), column.surest(CLASSES, EVERYONE)
    assert surest.tolist() == pytest.approx([2 / 3, 1, 0])
    assert distinct_values(masses, surest).tolist() == [2, 1, 0]
    entropy = math.exp(-(2 / 3) * math.log(2 / 3) - math.log(1 / 3) / 3)
    assert entropy_values(masses, surest).tolist() == pytest.approx([entropy, 1.0, 0.0])
    # all: a 2/6, b 1/6, c 3/6; nothing known of a class is as far as can be
    assert distances(masses, "equal").tolist() == pytest.approx([0.5, 0.5, 1.0])


def test_a_patient_with_two_values_counts_once():
    twice = Sensitive.of(np.array([0, 0, 1]), ["a", "b", "b"])
    assert twice.masses(np.array([0, 0]), np.ones(2, bool)).tolist() == [[0.5, 1.5]]
    again = Sensitive.of(np.array([0, 0, 0, 1, 1]), ["a", "b", "a", "b", "b"])
    assert (again.masses(np.zeros(2, int), np.ones(2, bool)) == [[0.5, 1.5]]).all()


def test_a_value_that_all_have_beside_others_is_no_secret():
    # everybody has a, and each another one, too: a is sure of everybody
    patients, classes, everyone = np.repeat(np.arange(4), 2), np.zeros(4, int), np.ones(4, bool)
    column = Sensitive.of(patients, ["a", "b", "a", "c", "a", "d", "a", "e"])
    masses, surest = column.masses(classes, everyone), column.surest(classes, everyone)
    assert distinct_values(masses, surest).tolist() == [1]
    assert entropy_values(masses, surest).tolist() == [1.0]
    # three of four have it: not more than having it or not
    column = Sensitive.of(patients, ["a", "b", "a", "c", "a", "d", "f", "e"])
    masses, surest = column.masses(classes, everyone), column.surest(classes, everyone)
    bound = math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert entropy_values(masses, surest).tolist() == pytest.approx([bound])


def test_who_was_left_out_does_not_count():
    kept = np.arange(9) != 4  # 11
    masses = Sensitive.of(np.arange(9), SALARIES, ORDERED).masses(CLASSES, kept)
    assert sizes(CLASSES, kept).tolist() == [3, 2, 3]
    assert masses[1].sum() == 2


def classes_of(rows):
    patients = np.array([patient for patient, *_ in rows])
    combinations = numbered(list(zip(*[texts for _, *texts in rows], strict=True)), len(rows))
    return patient_classes(patients, combinations).tolist()


def test_patients_are_alike_when_the_sets_of_their_rows_are():
    rows = [
        (0, "40", "f"),
        (1, "40", "f"),
        (1, "50", "f"),
        (2, "50", "f"),
        (2, "40", "f"),
        (3, "40", "f"),
    ]
    first, both, also_both, last = classes_of(rows)
    assert both == also_both != first == last
    # a row that stands twice, and the order, change nothing
    assert (
        classes_of([*rows, rows[0], rows[2]]) == classes_of(rows[::-1]) == [first, both, both, last]
    )


def test_texts_that_only_joined_are_alike_are_different_combinations():
    assert len(set(classes_of([(0, "ab", "c"), (1, "a", "bc")]))) == 2


def test_the_three_models():
    released, population = np.array([0, 0, 1]), np.array([0, 0, 0, 0, 1, 1, 2])
    model = prosecutor(released, 0.5)
    assert (model.largest, model.mean, model.above) == pytest.approx((1.0, 2 / 3, 1 / 3))
    model = journalist(released, population, 0.4)
    assert (model.largest, model.mean, model.above) == pytest.approx((0.5, 1 / 3, 1 / 3))
    # (1/n) times the sum of f/F
    assert marketer(released, population) == pytest.approx((2 / 4 + 1 / 2) / 3)
