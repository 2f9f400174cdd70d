import numpy as np
import pandas as pd
import pytest

from avatarflow.privacy.cones.subgroups import by_subgroup, worst_person


def test_shares_per_value_with_persons_counted():
    rows = pd.DataFrame(
        {
            "person": [1, 1, 2, 3, 4, 5],
            "sex": ["f", "f", "m", "m", None, "f"],
            "eye_side": ["left", "right"] * 3,
        }
    )
    found = by_subgroup(np.array([True, False, True, True, False, True]), rows, 1)
    assert set(found) == {"sex", "eye_side"}
    assert found["sex"]["f"]["value"] == pytest.approx(2 / 3)
    assert (found["sex"]["f"]["n"], found["sex"]["f"]["persons"]) == (3, 2)
    assert (found["sex"]["m"]["value"], found["sex"]["m"]["n"]) == (1, 2)
    assert set(found["sex"]) == {"f", "m"}  # who has no value is in no subgroup
    assert sum(each["n"] for each in found["eye_side"].values()) == 6


def test_columns_that_are_not_there_are_left_out():
    assert by_subgroup(np.ones(2, bool), pd.DataFrame({"person": [1, 2]}), 1) == {}


def test_the_worst_person_is_the_one_with_the_farthest_perturbation_not_the_most_missed():
    risk, persons = np.array([0.2, 1.1, 1.2, 0.1, 1.9, 0.3]), np.array([7, 7, 7, 4, 4, 4])
    assert worst_person(risk, persons) == {"person": 4, "risk": 1.9, "missed": 1, "n": 3}
    assert worst_person(np.zeros(0), np.zeros(0, int)) is None
