"""Conditions: class ids of label columns, with missing values."""

import pandas as pd
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.generators.conditions import NULL, Conditions

EYES = Conditions({"sex": ["female", "male"], "eye_side": ["left", "right"]})


@pytest.mark.parametrize(
    ("sex", "side", "class_id", "label"),
    [
        ("female", "left", 0, "female left"),
        ("female", "right", 1, "female right"),
        ("male", "left", 3, "male left"),
        ("male", None, 5, "male"),
        (None, "right", 7, "right"),
        (float("nan"), "", 8, "any"),
    ],
)
def test_class_ids_and_labels(sex: object, side: object, class_id: int, label: str) -> None:
    table = pd.DataFrame(
        {"sex": pd.Series([sex], dtype=object), "eye_side": pd.Series([side], dtype=object)}
    )
    assert EYES.ids(table).tolist() == [class_id]
    assert EYES.label(class_id) == label


def test_every_class_goes_to_a_table_and_back() -> None:
    assert EYES.ids(EYES.table(range(9))).tolist() == list(range(9))


def test_complete_classes_have_no_missing_value() -> None:
    assert [EYES.label(one) for one in EYES.complete()] == [
        "female left",
        "female right",
        "male left",
        "male right",
    ]


def test_without_columns_there_is_one_class() -> None:
    nothing = Conditions({})
    assert (len(nothing), nothing.label(0), nothing.complete()) == (1, "any", [0])
    assert nothing.ids(pd.DataFrame({"other": [1, 2]})).tolist() == [0, 0]


def test_labels_name_the_column_where_values_are_shared() -> None:
    both = Conditions({"lens": ["clear", "dull"], "cornea": ["clear", "dull"]})
    assert both.label(0) == "lens=clear cornea=clear"
    assert len(set(both.labels().values())) == len(both)


def test_values_are_compared_as_text() -> None:
    assert Conditions({"grade": ["0", "1"]}).ids(pd.DataFrame({"grade": [1, 0]})).tolist() == [1, 0]


def test_refuses_an_unknown_value_without_quoting_it() -> None:
    with pytest.raises(
        AvatarflowError, match="1 rows with a value that is not in its list"
    ) as refusal:
        EYES.ids(pd.DataFrame({"sex": ["female", "canary"], "eye_side": ["left", "left"]}))
    assert "canary" not in str(refusal.value)


def test_refuses_an_absent_column() -> None:
    with pytest.raises(AvatarflowError, match="condition eye_side: no such column"):
        EYES.ids(pd.DataFrame({"sex": ["female"]}))


@pytest.mark.parametrize("values", [["a", "a"], ["a, b", "c"], [" ", "c"]])
def test_refuses_values_that_cannot_be_labels(values: list[str]) -> None:
    with pytest.raises(AvatarflowError, match="condition x"):
        Conditions({"x": values})


def test_refuses_more_classes_than_the_pipeline_has() -> None:
    with pytest.raises(AvatarflowError, match=f"at most {NULL}"):
        Conditions({"x": [str(n) for n in range(40)], "y": [str(n) for n in range(40)]})
