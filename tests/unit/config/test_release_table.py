"""A table of releases: every row is the entry that one would have written, and every mistake is named with its line."""

import pytest

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError

SHARED = {
    "source": {"generate": {"kind": "fundus", "persons": 40}},
    "gates": {},
    "conditions": {"sex": ["female", "male"]},
}


@pytest.fixture
def table(tmp_path):
    """Write a table and give back the configuration that names it."""

    def write(text):
        (tmp_path / "releases.tsv").write_text(text, encoding="utf-8")
        return {"release_table": {"file": str(tmp_path / "releases.tsv"), "entry": SHARED}}

    return write


@pytest.mark.parametrize("mark", ["\t", ","])
def test_a_row_is_the_entry_that_one_would_have_written(table, mark):
    text = "name\tsource.generate.persons\tsize_px\nsmall\t50\t32\nlarge\t\t64\n".replace(
        "\t", mark
    )
    small = {**SHARED, "source": {"generate": {"kind": "fundus", "persons": 50}}, "size_px": 32}
    written = load({"releases": {"small": small, "large": {**SHARED, "size_px": 64}}})
    assert load(table(text))["releases"] == written["releases"]


def test_cells_are_yaml_and_stand_beside_written_releases(table):
    asked = {**table("name\tconditions.sex\nlist\t[male, female]\n"), "releases": {"own": SHARED}}
    assert {name: entry["conditions"] for name, entry in load(asked)["releases"].items()} == {
        "own": {"sex": ["female", "male"]},
        "list": {"sex": ["male", "female"]},
    }


def test_two_hundred_releases_are_two_hundred_entries(table):
    rows = "".join(f"r{number}\t{number + 40}\n" for number in range(200))
    releases = load(table(f"name\tsource.generate.persons\n{rows}"))["releases"]
    assert [entry["source"]["generate"]["persons"] for entry in releases.values()] == list(
        range(40, 240)
    )


def test_every_mistake_is_named_with_its_line(table):
    with pytest.raises(AvatarflowError) as refused:
        load(
            table(
                "name\tsize_px\tsize_px.more\na\t32\t\na\t32\t\n\t32\t\nb\t32\t5\nc\t[\t\nd\t32\t\tx\n"
            )
        )
    lines = [line.partition("releases.tsv:")[2] for line in str(refused.value).splitlines()]
    assert lines == [
        "7: more cells than columns; make them as many",
        "3: a second release 'a'; give each release a name of its own",
        "4: no name; give each release a name of its own",
        "5 size_px.more: `size_px` is a value already; set the value or keys inside it",
        "6 size_px: a cell that is no YAML; write the value as in the config",
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("size_px\n32\n", "no column `name`"),
        ("name\tname\na\tb\n", "a column twice"),
        ("name\n", "no row"),
    ],
)
def test_a_table_without_names_or_rows_is_refused(table, text, found):
    with pytest.raises(AvatarflowError, match=found):
        load(table(text))


def test_a_table_that_is_not_there_is_refused():
    with pytest.raises(
        AvatarflowError, match=r"release_table\.file none\.tsv: cannot be read as text; name a TSV"
    ):
        load({"release_table": {"file": "none.tsv"}})


def test_what_is_wrong_in_a_row_is_refused_like_a_written_entry(table):
    with pytest.raises(AvatarflowError, match=r"config releases\.a\.size_px: found 'big' \(str\)"):
        load(table("name\tsize_px\na\tbig\n"))


@pytest.mark.parametrize(
    "changes", [{"releases": None}, {"release_table": {"file": "x.tsv", "entry": "text"}}], ids=str
)
def test_a_table_beside_what_the_schema_refuses_is_left_to_the_schema(table, changes):
    with pytest.raises(
        AvatarflowError,
        match=r"config release(s|_table\.entry): found .*; give a value of type object",
    ):
        load({**table("name\tsize_px\na\t32\n"), **changes})
