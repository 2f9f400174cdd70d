"""Who is who, and on which side."""

import numpy as np
import pandas as pd
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.persons import (
    assign_roles,
    identify,
    name_eyes,
    normalised,
    number_eyes,
    number_fields,
    number_persons,
    share_an_eye,
)

SHARES = {"encoder": 0.4, "calibration": 0.3, "test": 0.1, "heldout": 0.2}


def test_the_first_column_that_is_not_empty_names_the_person():
    table = pd.DataFrame({"guess": ["g1", None, None, None], "eye": ["e1", "e2", "e2", None]}, dtype=object)
    found = identify(table, ["guess", "eye"], ["eye"])
    assert list(found["key"]) == [("guess", "g1"), ("eye", "e2"), ("eye", "e2"), None]
    assert list(found["unit"]) == ["person", "eye", "eye", "person"]


def test_equal_values_of_different_columns_are_different_persons():
    numbers = number_persons([("a", "1"), ("b", "1"), ("a", "1")], [], seed=0)
    assert numbers[0] == numbers[2] != numbers[1]


def test_persons_who_share_a_picture_count_as_one():
    keys = ["a", "b", "c", "d"]
    numbers = number_persons(keys, [("a", "b"), ("b", "d")], seed=0)
    assert numbers[0] == numbers[1] == numbers[3] != numbers[2]
    assert sorted(set(numbers)) == [0, 1]


def test_every_picture_of_a_person_has_the_same_role_and_the_shares_hold():
    persons = np.repeat(np.arange(100), 3)
    roles = assign_roles(persons, SHARES, seed=3)
    table = pd.DataFrame({"person": persons, "role": roles})
    assert (table.groupby("person")["role"].nunique() == 1).all()
    assert table.groupby("role")["person"].nunique().to_dict() == {
        "encoder": 40, "calibration": 30, "test": 10, "heldout": 20,
    }  # fmt: skip


def test_roles_do_not_depend_on_the_order_of_pictures():
    persons = np.arange(50).repeat(2)
    order = np.random.default_rng(0).permutation(100)
    assert (assign_roles(persons, SHARES, 1)[order] == assign_roles(persons[order], SHARES, 1)).all()


def test_a_given_split_is_kept():
    persons = np.array([0, 0, 1, 2, 3])
    roles = assign_roles(persons, SHARES, 1, ["train", "train", "heldout", "train", "train"])
    assert (roles == "heldout").tolist() == [False, False, True, False, False]


@pytest.mark.parametrize(
    ("given", "text"),
    [(["train", "heldout", "train"], "1 persons are on both sides"), (["train", None, "test"], "2 rows are neither")],
)
def test_refuses_a_given_split_that_does_not_hold(given, text):
    with pytest.raises(AvatarflowError, match=text):
        assign_roles(np.array([7, 7, 8]), SHARES, 1, given)


def test_eyes_are_numbered_and_unknown_ones_marked():
    table = pd.DataFrame({"eye": ["a", None, "b", "a"], "other": [None, None, "x", "y"]}, dtype=object)
    table["key"] = None
    assert number_eyes(name_eyes(table, ["eye"])).tolist() == [0, -1, 1, 0]
    assert number_eyes(name_eyes(table, ["absent"])).tolist() == [-1, -1, -1, -1]


@pytest.mark.parametrize("text", ["P1", "P1 ", " p1", "P\u00a01", "Ｐ1"])
def test_spellings_of_one_identifier_are_one(text):
    assert normalised(text).replace(" ", "") == "p1"


def test_numbers_as_spreadsheets_write_them_and_missing_ones():
    assert {normalised(each) for each in ("1", "01", "1.0", "001")} == {"1"}
    assert [normalised(each) for each in ("NA", "nan", "-", "unknown", " ", None)] == [None] * 6
    assert normalised("10") == "10"


def test_a_shared_eye_joins_its_rows_and_a_side_does_not():
    def rows(patients, eyes):
        table = pd.DataFrame({"patient": patients, "eye": eyes}, dtype=object)
        return table.join(identify(table, ["patient", "eye"], ["eye"]))

    known = rows(["a", None, "b", "b"], ["e1", "e1", "e2", "e3"])
    assert share_an_eye(known, name_eyes(known, ["eye"])) == [(("patient", "a"), ("eye", "e1"))]
    sides = rows(["a", "a", "b", "b"], ["OD", "OS", "OD", "OS"])
    names = name_eyes(sides, ["eye"])
    assert len(set(number_eyes(names))) == 4
    assert share_an_eye(sides, names) == []


def test_fields_are_numbered_where_there_are_any():
    assert number_fields(pd.DataFrame({"eye": ["a", "b"]})) == {}
    assert number_fields(pd.DataFrame({"field": [None, None]}, dtype=object)) == {}
    named = pd.DataFrame({"field": ["macula", None, "disc", "macula"]}, dtype=object)
    assert number_fields(named)["field"].tolist() == [0, -1, 1, 0]
