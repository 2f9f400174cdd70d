"""Each figure of the dossier stands where it belongs, beside its own words: the checker of numbers cannot see that."""

import pytest
from dossier_files import (
    FIGURES,
    FOUND,
    NOT_RUN,
    OPEN,
    READ_SETTINGS,
    ROWS,
    attack,
    pages_of,
    plain,
    read_pages_of,
    row_with,
    rows_of,
)

from avatarflow.core.outcomes import FAIL
from avatarflow.core.statistics import Estimate
from avatarflow.release.dossier.attacks import why
from avatarflow.release.dossier.texts import table


def test_a_gates_row_has_each_figure_in_its_column(tmp_path):
    text = pages_of(tmp_path)["en"]
    missed = ["0 %", "0 % to 5.96 %", "60 patients", "at most 10 %", "passed"]
    assert row_with(text, "(missed_patients.test)") == missed
    seen = ["1 %", "0.1 % to 8 %", "60 patients", "at most 10 %", "passed"]
    assert row_with(text, "(missed_patients.seen)") == seen
    count = ["617", "all were counted", "617 pictures", "at least 2", "passed"]
    assert row_with(text, "(released_count.female)") == count
    auc = ["0.51", "up to 0.57", "180 patients", "at most 0.65", "passed"]
    assert row_with(text, "(attack_auc)") == auc
    assert row_with(text, "(kid_ratio)")[:2] == ["0.3", "0.2 to 0.4"]


def test_an_attacks_row_has_figure_subjects_controls_and_reason(tmp_path):
    text = pages_of(tmp_path)["en"]
    nearest = row_with(text, "unusually near to a published picture")
    assert nearest == [
        "0.51 (0.45 to 0.57)", "200 with data used, 180 without", "planted leak found, none reported otherwise",
        "passed: the interval lies within what is allowed",
    ]  # fmt: skip
    assert row_with(text, "both eyes of a person")[2:] == [
        "not run",
        "no conclusion: could not run on these data",
    ]


def test_attacks_stand_in_their_order_whatever_the_files_is(tmp_path):
    questions = [row[0] for row in rows_of(pages_of(tmp_path, rows=ROWS[::-1])["en"])]
    starts = ("Is a patient's", "Are published", "Does one published picture connect both")
    places = [
        next(at for at, text in enumerate(questions) if text.startswith(one)) for one in starts
    ]
    assert places == sorted(places)


def test_a_release_without_conditions_says_so(tmp_path):
    text = pages_of(tmp_path, figures={"released_count.all": Estimate.exact(9, 9)})["en"]
    (counted,) = [row for row in rows_of(text) if "(released_count.all)" in row[0]]
    assert "with the labels (none was asked for)?" in counted[0]
    assert counted[1] == "9"


@pytest.mark.parametrize(
    ("row", "reason", "controls"),
    [
        (attack("x"), "within", "planted leak found"),
        (attack("x", **OPEN), "few", "planted leak found"),
        (attack("x", **NOT_RUN), "not_run", "not run"),
        (
            attack("x", **{**OPEN, "positive": {"caught": False}}),
            "control_missed",
            "planted leak not",
        ),
        (
            attack("x", **{**OPEN, "negative": {"clean": False}}),
            "control_not_clean",
            "leak reported",
        ),
        (attack("x", conclusion=FAIL, shown=True), "leak", "planted leak found"),
        (attack("x", conclusion=FAIL), "beyond", "planted leak found"),
    ],
)
def test_why_an_attack_concludes_what_it_does(tmp_path, row, reason, controls):
    assert why(row) == reason
    rows = [{**row, "attack": "attribute_inference"}]
    cells = row_with(pages_of(tmp_path, rows=rows)["en"], "labels of a known patient")
    assert cells[2].startswith(controls)
    assert table("en")[f"why.{reason}"] in cells[3]


def test_the_counts_of_steps_data_and_open_attacks_are_where_they_belong(tmp_path):
    text = plain(pages_of(tmp_path)["en"])
    for sentence in (
        "Planned were 5 attacks on the pictures, that is, methods", "patients. 2 of them allow no conclusion",
        "drew 8,000 candidates.", "It drew 4,000 candidates.", "The filter accepted 2,667 of them.",
        "The filter accepted 1,333 of them. Only these", "A filter was set with 30 patients",
        "for 0 % of 60 patients the filter accepted at least one of them. For patients like these the share is,",
        "with a certainty of 95 %, at most 5.96 %.",
        "without consent): 3.", "4,000 from the first generator and 2,000 from the second",
        "2 of 112 altered photographs were not rejected by the filter's zones; the largest risk figure is 1.25",
        "does not go beyond 0.6, or as far below one half, and if there were at least 150 persons",
        "at most 3.23 % on average", "of cases it is at most 9.5 %.",
    ):  # fmt: skip
        assert sentence in text, sentence


@pytest.mark.parametrize(
    ("leaks", "passes", "published"),
    [(False, True, True), (True, True, False), (False, False, False), (True, False, False)],
)
def test_the_generator_is_published_only_with_passing_pictures(tmp_path, leaks, passes, published):
    rows = [
        row | ({"conclusion": FAIL, "shown": True} if leaks and row["target"] == "student" else {})
        for row in ROWS
    ]
    figures = FIGURES if passes else {**FIGURES, "kid_ratio": Estimate(0.9, 0.8, 1.0, 20)}
    text = pages_of(tmp_path, rows=rows, figures=figures)["en"]
    assert ("The generator is published too." in text) is published
    assert ("The generator gets out." in text) is not published


def test_what_was_given_of_the_donor_is_said(tmp_path):
    text = plain(read_pages_of(tmp_path)["en"])
    for sentence in (
        "The donor's genotype was not given.", "No panel of people was given.", "out: bowtie2 x.",
        "that are left: bwa mem, bwa mem.", "Tools took out 4,321 fragments", "tools found 5 human",
        "Of 20,000 simulated human fragments 1 were seen by no tool", "they tell at most 7.9 bits",
        "about 3,906 of 1,000,000 people", "no tool recognises are left in: at most 6 by",
        "the reference genome has no Y", "Without genotype and panel",
    ):  # fmt: skip
        assert sentence in text, sentence
    donor = {**READ_SETTINGS, "donor": {"sample": "D1"}, "panel": {"vcf": "x"}}
    measured = {**FOUND, "how": "measured", "sex": {"told": "nothing"}}
    text = plain(read_pages_of(tmp_path, measured, settings=donor)["en"])
    for sentence in (
        "The donor's genotype was given.", "A panel of people was given",
        "For fragments that were found the bits were measured", "the certificate says what they tell",
    ):  # fmt: skip
        assert sentence in text, sentence
