"""Selecting sources: unverified values never count unless asked for, and no code runs."""

import logging

import pytest
from source_files import write

from avatarflow.catalogue.checks import FACTS
from avatarflow.catalogue.entries import read_catalogue
from avatarflow.catalogue.select import main, select_sources
from avatarflow.core.errors import AvatarflowError

IRIS = "modality LIKE '%iris%' AND sex = 'recorded' AND derivatives IN ('permitted', 'with_conditions')"
OPEN = ["size_gb", "anonymity"]


@pytest.fixture
def sources(tmp_path):
    """Six sources: read, under a condition, forbidden, unread licence, unread sex, other data."""
    write(tmp_path, "iris/free", patients=20)
    write(tmp_path, "iris/shared", licence="CC-BY-SA-4.0", derivatives="with_conditions")
    write(tmp_path, "iris/closed", licence="CC-BY-ND-4.0", derivatives="forbidden", patients=300)
    unread = [*OPEN, "licence", "derivatives", "patients"]
    write(tmp_path, "iris/unread", unverified=unread, patients=5000)
    write(tmp_path, "iris/no_sex", sex=None, unverified=[*OPEN, "sex"])
    grade = {"grade": "good", "why": "enough"}
    write(tmp_path, "ecg/heart", modality=["ecg"], fitness={"signal_avatars": grade}, patients=9)
    return read_catalogue(tmp_path)


def selected(sources, expression, unverified=False):
    chosen = select_sources(sources, expression, unverified)
    return [source.identifier.partition("/")[2] for source in chosen]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        (IRIS, ["free", "shared"]),
        ("derivatives <> 'forbidden' AND area = 'iris'", ["free", "no_sex", "shared"]),
        ("patients >= 20 AND patients < 1000", ["closed", "free", "no_sex", "shared"]),
        ("patients > 99", ["closed"]),
        ("patients IS NULL", ["unread"]),
        ("signal_avatars = 'good'", ["heart"]),
        ("identity_checks = 'unfit' AND modality = 'ecg' OR id = 'ecg/heart'", ["heart"]),
        ("iris_avatars IS NULL", ["heart"]),
        ("unverified LIKE '%licence%'", ["unread"]),
        ("name = 'iris/no_sex'", ["no_sex"]),
        ("", ["closed", "free", "no_sex", "shared", "unread", "heart"]),
    ],
)
def test_selects_by_what_was_verified(sources, expression, names):
    assert selected(sources, expression) == names


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        (IRIS, ["free", "shared", "unread"]),
        ("patients > 99", ["closed", "unread"]),
        ("sex = 'recorded' AND area = 'iris'", ["closed", "free", "shared", "unread"]),
        ("sex <> 'recorded'", []),
    ],
)
def test_selects_by_unverified_values_only_when_asked(sources, expression, names):
    if names:
        assert selected(sources, expression, unverified=True) == names
    else:
        with pytest.raises(AvatarflowError, match="no source is left"):
            selected(sources, expression, unverified=True)


def test_a_source_of_which_nothing_was_read_meets_no_comparison(tmp_path):
    write(tmp_path, "iris/one", unverified=list(FACTS), verified_by=[])
    sources = read_catalogue(tmp_path)
    for key in FACTS:
        for comparison in (f"{key} = {key}", f"{key} <> 'x'", f"NOT ({key} = 'x')"):
            with pytest.raises(AvatarflowError, match="no source is left"):
                selected(sources, comparison)
    assert selected(sources, "sex = sex", unverified=True) == ["one"]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("license = 'x'", "sources selection: .*no column 'license'"),
        ("sex = recorded", "sources selection: not a usable expression"),
        ("patients > 1000000", "sources selection: no source is left; widen the selection"),
        ("1 = 1; DROP TABLE x", "sources selection: not a usable expression"),
        (
            "(SELECT count(*) FROM read_text('/etc/hostname')) > 0",
            "sources selection: not a usable",
        ),
        ("random() < 2", "sources selection: 'random' gives another value each time"),
    ],
)
def test_refuses_expressions_that_are_none(sources, expression, message):
    with pytest.raises(AvatarflowError, match=message):
        selected(sources, expression)


def test_the_question_of_the_page_has_its_answer(caplog):
    """No iris pictures with sex have a licence that was read; one source may, by general knowledge."""
    caplog.set_level(logging.INFO)
    expression = "modality LIKE '%iris%' AND sex = 'recorded' AND derivatives = 'permitted'"
    assert main([expression]) == 2
    assert caplog.messages == ["sources selection: no source is left; widen the selection"]
    caplog.clear()
    assert main(["--unverified", "--", expression]) == 0
    assert caplog.messages[0] == "iris/afhiris: AFHIRIS"
    assert "derivatives permitted (not verified)" in caplog.messages[1]
    assert caplog.messages[3] == "    selected by what is not verified: sex, derivatives"
    assert caplog.messages[-1].startswith("1 of ")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        (
            "modality LIKE '%fundus%' AND sex = 'recorded' "
            "AND derivatives IN ('permitted', 'with_conditions')",
            ["papila"],
        ),
        ("derivatives = 'forbidden'", ["fairvision", "harvard_gdp"]),
        ("access = 'withdrawn'", ["opensnp"]),
        ("licence = 'CC-BY-3.0'", ["mhh_covid"]),
        ("patients > 500000", ["gnomad"]),
    ],
)
def test_known_answers_of_the_shipped_catalogue(expression, names):
    assert selected(read_catalogue(), expression) == names


def test_the_command_shows_what_is_not_verified(caplog):
    caplog.set_level(logging.INFO)
    assert main(["id = 'fundus/papila'"]) == 0
    assert caplog.messages == [
        "fundus/papila: PAPILA",
        "    244 patients (not verified), open (not verified), CC-BY-4.0 or GPL-3.0-or-later, "
        "derivatives with_conditions",
        "    https://doi.org/10.1038/s41597-022-01388-1",
        f"1 of {len(read_catalogue())} sources",
    ]
