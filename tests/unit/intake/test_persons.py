"""Who is who, and on which side."""

import numpy as np
import pandas as pd
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.identifiers import normalised
from avatarflow.intake.patients.eyes import number_eyes
from avatarflow.intake.patients.persons import (
    assign_roles,
    identify,
    joined_in_bulk,
    number_fields,
    number_persons,
    refuse_both_sides,
)
from avatarflow.intake.patients.placeholders import codes_for_missing, words_for_missing

SHARES = {"encoder": 0.4, "calibration": 0.3, "test": 0.1, "heldout": 0.2}


def identified(person, eyes=(), **columns):
    return identify(pd.DataFrame(columns, dtype=object), person, list(eyes))


def test_all_identifiers_of_a_row_are_of_one_person():
    found = identified(
        ["guess", "eye"], ["eye"], guess=["g1", None, None, None], eye=["e1", "e2", "e2", None]
    )
    assert list(found["key"]) == [0, 1, 1, None]
    assert list(found["unit"]) == ["person", "eye", "eye", "person"]


@pytest.mark.parametrize(
    ("person", "columns", "keys"),
    [
        (["id", "mrn"], {"id": ["a", None, "b"], "mrn": ["1", "1", "2"]}, [0, 0, 1]),
        # the third row links the others
        (["id", "mrn"], {"id": ["a", None, "a"], "mrn": ["1", "2", "2"]}, [0, 0, 0]),
        # equal values of other columns say nothing
        (["id", "mrn"], {"id": ["a", "1"], "mrn": ["1", None]}, [0, 1]),
        ([["site", "id"], "id"], {"site": ["A", None, "B"], "id": ["1", "1", "2"]}, [0, 0, 1]),
        ([["site", "id"]], {"site": ["A", None, "B"], "id": ["1", "1", "1"]}, [0, None, 1]),
        (
            [["site", "id"], "mrn"],
            {"site": ["A", None, "A"], "id": ["1"] * 3, "mrn": [None, "m", "m"]},
            [0, 0, 0],
        ),
    ],
)
def test_identifiers_in_one_row_are_joined_whatever_is_missing(person, columns, keys):
    assert list(identified(person, **columns)["key"]) == keys


def sides_and_more(extra):
    """Twenty patients with OD and OS, some of whose eyes are called otherwise."""
    table = pd.DataFrame(
        {"patient": [f"p{n // 2}" for n in range(40)], "eye": ["OD", "OS"] * 20}, dtype=object
    )
    for row, name in extra.items():
        table.loc[row, "eye"] = name
    return table


@pytest.mark.parametrize("names", [("OD", "OS"), ("left", "right"), ("1", "2"), ("x-a", "x-b")])
@pytest.mark.parametrize("extra", [{}, {4: "R-eye", 7: "L-eye"}, {4: "R-eye", 8: "R-eye"}])
def test_names_that_most_patients_have_identify_nobody_and_join_nobody(names, extra):
    table = sides_and_more(extra).replace({"eye": {"OD": names[0], "OS": names[1]}})
    table.loc[[0, 1], "patient"] = None
    found = identify(table, ["patient", "eye"], ["eye"])
    assert found["key"].isna().tolist() == [True, True] + [False] * 38
    assert found["key"].nunique() == 19
    assert len(set(number_eyes(found["eye"][2:]))) == 38


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_an_eye_of_a_register_joins_the_patients_it_stands_under_whatever_the_share(share):
    patients = [f"{'ab'[n % 2] if n < 40 * share else 'a'}{n // 2}" for n in range(40)]
    found = identified(
        ["patient"], ["eye"], patient=patients, eye=[f"E{n // 2}" for n in range(40)]
    )
    assert found["key"].nunique() == 20


@pytest.mark.parametrize(
    "side",
    ["oeil droit", "Œil gauche", "oeil gauche", "R eye", "L eye", "Auge links", "Auge rechts"],
)
def test_words_for_a_side_in_a_few_rows_join_nobody(side):
    patients = [f"p{n // 2}" for n in range(40)]
    eyes = [side if n in (0, 2) else None for n in range(40)]
    found = identified(["patient"], ["eye"], patient=patients, eye=eyes)
    assert found["key"].nunique() == 20


def test_a_few_sides_in_a_column_of_a_register_join_nobody():
    eyes = [f"E{n}" for n in range(36)] + ["OD", "OS"] * 2
    found = identified(["patient"], ["eye"], patient=[f"p{n // 2}" for n in range(40)], eye=eyes)
    assert found["key"].nunique() == 20


def test_joins_in_bulk_are_told_in_counts():
    table = pd.DataFrame(
        {"site": ["A", "B"] * 10, "patient": [f"SECRET{n}" for n in range(20)]}, dtype=object
    )
    (text,) = joined_in_bulk(
        table, ["patient", "site"], [], identify(table, ["patient", "site"], [])["key"]
    )
    assert text.startswith("20 values of patient count as 2 persons (up to 10 as one)")
    assert "SECRET" not in text
    assert joined_in_bulk(table, ["patient"], [], identify(table, ["patient"], [])["key"]) == []


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
    assert (
        assign_roles(persons, SHARES, 1)[order] == assign_roles(persons[order], SHARES, 1)
    ).all()


def test_a_given_split_is_kept():
    persons = np.array([0, 0, 1, 2, 3])
    roles = assign_roles(persons, SHARES, 1, ["train", "train", "heldout", "train", "train"])
    assert (roles == "heldout").tolist() == [False, False, True, False, False]


def test_refuses_a_given_split_that_names_no_side():
    with pytest.raises(AvatarflowError, match="2 rows are neither"):
        assign_roles(np.array([7, 7, 8]), SHARES, 1, ["train", None, "test"])


@pytest.mark.parametrize(
    ("keys", "sides", "same", "both"),
    [
        ([7, 7, 8], ["train", "heldout", "train"], [], 1),
        ([7, 7, 8], ["train", "train", "heldout"], [], 0),
        ([7, 7, 8, 8], ["train", None, "heldout", "Train "], [], 1),
        ([1, 2, 3, 4], ["train", "heldout", "heldout", "train"], [(1, 5), (5, 2), (3, 6)], 1),
        ([None, None], ["train", "heldout"], [], 0),
    ],
)
def test_a_person_on_both_sides_of_a_given_split_is_refused(keys, sides, same, both):
    if not both:
        refuse_both_sides(keys, sides, same)
        return
    with pytest.raises(AvatarflowError, match=f"^split.column: {both} persons are on both sides"):
        refuse_both_sides(keys, sides, same)


def test_eyes_are_numbered_and_unknown_ones_marked():
    columns = {"patient": ["p"] * 4, "eye": ["a", None, "b", "a"]}
    assert number_eyes(identified(["patient"], ["eye"], **columns)["eye"]).tolist() == [0, -1, 1, 0]
    assert number_eyes(identified(["patient"], ["absent"], **columns)["eye"]).tolist() == [-1] * 4


@pytest.mark.parametrize(
    "text",
    [
        "P-1",
        "P-1 ",
        " p-1",
        "Ｐ-1",
        "P-1\u200b",
        "\ufeffP-1",
        "P\u00ad-1",
        "\u200eP-1",
        "P\u2011\x001",
    ],
)
def test_spellings_of_one_identifier_are_one(text):
    assert normalised(text) == "p-1"


@pytest.mark.parametrize("dash", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212－")
def test_dashes_are_one(dash):
    assert normalised(f"A{dash}1") == "a-1"


def test_numbers_as_spreadsheets_write_them_and_missing_ones():
    assert {normalised(each) for each in ("1", "01", "1.0", "001")} == {"1"}
    assert [normalised(each) for each in ("10", "007", "00", "M\u00fcller", "Mu\u0308ller", "ﾊ")] == [
        "10", "7", "0", "m\u00fcller", "m\u00fcller", "ハ",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        *(
            None,
            "",
            " ",
            "NA",
            "nan",
            "-",
            "unknown",
            "#N/A",
            "<NA>",
            "NaT",
            "N.A.",
            "n.a.",
            "#NV",
            "\\N",
            "(null)",
        ),
        *(
            "undefined",
            "not available",
            "k.A.",
            "k. A.",
            "–",
            ".",
            "---",
            "??",
            "…",
            "\u200b",
            "N\u200bA",
            "_",
        ),
    ],
)
def test_what_says_that_there_is_no_identifier_is_none(text):
    assert normalised(text) is None


@pytest.mark.parametrize(
    "text",
    "unk UNK. unbek. n.a N,A n.v. keine ohne anon ANONYMISED anonymized redacted removed deleted <null> [null] <none>"
    " {null} pending tbc dummy test xxx x no void false Error inf #NAME? #NUM! #DIV/0! ?unknown? inconnu"
    " desconocido 未知 不明"
    ' \'NA (n/a) null, nan. "null" *x*'.replace("N,A", "N\u00a0A").split(" "),
)
def test_words_for_none_of_other_programs_and_languages_are_none(text):
    assert normalised(text) is None
    assert normalised(f"<{text}>") is None or text.startswith(("#", "'"))


@pytest.mark.parametrize(
    "text",
    [
        "not recorded",
        "Not given",
        "none given",
        "non disponible",
        "n a",
        "nicht erfasst",
        "nicht angegeben",
        "N.N.",
        "NN",
        "n.b.",
        "n. bek.",
        "withheld",
        "siehe Akte",
        "fehlt",
        "kein",
        "ohne ID",
        "not provided",
        "not entered",
        "masked",
        "[PHI]",
        "deidentified",
        "sin datos",
        "non connu",
        "XXXX",
        "onbekend",
        "no disponible",
        "inconnue",
        "non renseigné",
        "o.A.",
    ],
)
def test_several_words_for_none_are_none(text):
    assert normalised(text) is None


def test_digits_and_words_with_more_stay_identifiers():
    kept = ("0", "999", "-1", "x1", "test 5", "no 7", "noah", "P", "ref")
    assert all(normalised(text) is not None for text in kept)


@pytest.mark.parametrize(
    "pair", [("x105.0", "x105"), ("'94", "94"), ("107.", "107"), ("0108.0", "108"), ("’a", "a"), ("O.D.", "o.d")]
)  # fmt: skip
def test_spellings_of_spreadsheets_are_one(pair):
    assert normalised(pair[0]) == normalised(pair[1])
    assert normalised("3.10") != normalised("3.1")


@pytest.mark.parametrize(
    ("code", "count"), [("0", 5), ("-1", 9), ("-99", 5), ("9999", 6), ("000", 5)]
)
def test_a_number_that_often_means_missing_is_said_where_many_rows_have_it(code, count):
    table = pd.DataFrame({"id": [*(f"p{n}" for n in range(40)), *[code] * count]}, dtype=object)
    (said,) = codes_for_missing(table, ["id"])
    assert said.startswith(f"{count} rows have one and the same id")
    assert codes_for_missing(table.iloc[:-3], ["id"]) == [] or count > 7
    assert codes_for_missing(pd.DataFrame({"id": [code] * 5 + ["a"] * 5}), ["id"]) == []


def test_a_word_that_stands_in_many_rows_is_said_by_row_and_not_repeated():
    ids = [*(f"p{n // 2}" for n in range(40)), *["Station B", "noah"] * 7]
    table = pd.DataFrame({"row": range(1, 55), "id": ids, "site": "Ulm"}, dtype=object)
    table.loc[table["id"] == "noah", "id"] = [*["noah"] * 4, "p20", "p20", "p21"]
    (said,) = words_for_missing(table, ["id", ["site", "id"]])
    assert said.startswith("7 rows (41, 43, 45, 47, ...) have one and the same id without a digit")
    assert "station" not in said.casefold()
    table.loc[:10, "id"] = "keine Nummer"
    (said,) = words_for_missing(table, ["id"])
    assert said.startswith("11 rows (1, 2, 3, 4, ...)")
    assert "(1 others, in as many or fewer rows)" in said
    names = pd.DataFrame({"row": range(1, 41), "id": [*["anna"] * 20, *["berta"] * 20]})
    assert words_for_missing(names, ["id"]) == []
    assert words_for_missing(names.assign(id=None), ["id"]) == []


def test_fields_are_numbered_where_there_are_any():
    assert number_fields(pd.DataFrame({"eye": ["a", "b"]})) == {}
    assert number_fields(pd.DataFrame({"field": [None, None]}, dtype=object)) == {}
    named = pd.DataFrame({"field": ["macula", None, "disc", "macula"]}, dtype=object)
    assert number_fields(named)["field"].tolist() == [0, -1, 1, 0]
