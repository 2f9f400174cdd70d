"""The catalogue of sources: what an entry must say, and that every problem is named at once."""

from collections import Counter

import pytest
import yaml
from source_files import ENTRY, write

from avatarflow.catalogue.checks import AREAS, FACTS, USE_CASES
from avatarflow.catalogue.entries import SCHEMA, SOURCES, read_catalogue
from avatarflow.config.loading import SCHEMAS
from avatarflow.core.errors import AvatarflowError

SCHEMA_KEYS = yaml.safe_load((SCHEMAS / SCHEMA).read_text())["properties"]


def refusal(folder):
    with pytest.raises(AvatarflowError) as caught:
        read_catalogue(folder)
    return str(caught.value).splitlines()


def test_the_shipped_catalogue_has_every_area_and_no_crowded_folder():
    sources = read_catalogue()
    counts = Counter(source.area for source in sources)
    assert len(sources) >= 40
    assert set(counts) == set(AREAS)
    assert max(counts.values()) <= 16
    assert len(sources) == len(list(SOURCES.rglob("*.yaml")))


def test_most_shipped_entries_name_a_page_that_was_read():
    sources = read_catalogue()
    read = [source for source in sources if source.entry["verified_by"]]
    assert len(read) >= 40
    assert {source.entry["looked_at"] for source in sources} == {"2026-11-29"}


def test_the_schema_and_the_checks_have_the_same_words():
    unverified = SCHEMA_KEYS["unverified"]["items"]["enum"]
    assert tuple(unverified) == FACTS
    assert set(FACTS) <= set(SCHEMA_KEYS)
    assert set(SCHEMA_KEYS["fitness"]["properties"]) == set(USE_CASES)
    kinds = SCHEMA_KEYS["modality"]["items"]["enum"]
    assert set().union(*USE_CASES.values()) | {"angiography", "human_variants"} == set(kinds)


def test_no_kind_of_data_is_a_part_of_another():
    kinds = SCHEMA_KEYS["modality"]["items"]["enum"]
    assert not [(a, b) for a in kinds for b in kinds if a != b and a in b]


def test_reads_an_entry_as_it_stands(tmp_path):
    write(tmp_path, "iris/one", name="Set one")
    (source,) = read_catalogue(tmp_path)
    assert source.identifier == "iris/one"
    assert source.area == "iris"
    assert source.entry == ENTRY
    assert source.is_verified("sex")
    assert not source.is_verified("anonymity")


def test_entries_are_in_the_order_of_areas_and_then_of_names(tmp_path):
    for identifier in ("genomes/b", "iris/z", "genomes/a", "fundus/y"):
        write(tmp_path, identifier)
    found = [source.identifier for source in read_catalogue(tmp_path)]
    assert found == ["fundus/y", "iris/z", "genomes/a", "genomes/b"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"colour": "blue"}, "sources iris/one (top level): unknown key 'colour'; known keys are"),
        ({"sex": ...}, "sources iris/one (top level): key 'sex' is missing; add it"),
        (
            {"sex": "perhaps"},
            "sources iris/one sex: found 'perhaps'; "
            "use one of recorded, totals_only, not_recorded, null",
        ),
        (
            {"derivatives": True},
            "sources iris/one derivatives: found True (bool); put it in quotes",
        ),
        ({"patients": -1}, "sources iris/one patients: -1 is less than the minimum"),
        ({"patients": "20"}, "sources iris/one patients: found '20' (str); write it as a whole"),
        ({"size_gb": float("nan")}, "sources iris/one size_gb: found nan; give a finite number"),
        (
            {"modality": ["retina"]},
            "sources iris/one modality.0: found 'retina'; use one of fundus",
        ),
        ({"address": "one.example"}, "sources iris/one address: found 'one.example', which has"),
        ({"looked_at": "today"}, "sources iris/one looked_at: found 'today', which has another"),
        (
            {"looked_at": "2026-02-30"},
            "sources iris/one looked_at: found '2026-02-30', which is no day; give a day",
        ),
        ({"unverified": ["colour"]}, "sources iris/one unverified.0: found 'colour'; use one of"),
        (
            {"unverified": ["size_gb"]},
            "sources iris/one anonymity: null, and not in unverified; "
            "give the value, or add the key to unverified",
        ),
        (
            {"verified_by": []},
            f"sources iris/one verified_by: empty, with {len(FACTS) - 2} keys that are not in",
        ),
        (
            {"unverified": list(FACTS)},
            "sources iris/one verified_by: pages that support no key; take the keys out",
        ),
        (
            {"unverified": ["size_gb", "anonymity", "licence"]},
            "sources iris/one derivatives: verified, but the licence is not; add it to unverified",
        ),
        (
            {"fitness": {"iris_avatars": {"grade": "good", "why": "enough"}}},
            "sources iris/one fitness.identity_checks: missing; grade it",
        ),
        (
            {"fitness": {**ENTRY["fitness"], "donors": {"grade": "good", "why": "enough"}}},
            "sources iris/one fitness.donors: a use case of other data; remove it",
        ),
        (
            {"fitness": {**ENTRY["fitness"], "iris_avatars": {"grade": "good"}}},
            "sources iris/one fitness.iris_avatars: key 'why' is missing; add it",
        ),
    ],
)
def test_refuses_an_entry_by_its_key(tmp_path, changes, line):
    write(tmp_path, "iris/one", **changes)
    found = [one for one in refusal(tmp_path) if one.startswith(line)]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("CC0-1.0", "permitted"),
        ("CC-BY-4.0", "permitted"),
        ("ODC-By-1.0", "permitted"),
        ("CC-BY-SA-4.0", "with_conditions"),
        ("CC-BY-NC-4.0", "with_conditions"),
        ("CC-BY-NC-SA-4.0", "with_conditions"),
        ("GPL-3.0-or-later", "with_conditions"),
        ("ODbL-1.0", "with_conditions"),
        ("CC-BY-ND-4.0", "forbidden"),
        ("CC-BY-NC-ND-4.0", "forbidden"),
    ],
)
def test_what_a_known_licence_says_of_derivatives(tmp_path, licence, expected):
    write(tmp_path, "iris/one", licence=licence, derivatives=expected)
    assert len(read_catalogue(tmp_path)) == 1
    for other in {"permitted", "with_conditions", "forbidden"} - {expected}:
        write(tmp_path, "iris/one", licence=licence, derivatives=other)
        assert refusal(tmp_path) == [
            f"sources iris/one derivatives: '{other}' under {licence}; write {expected}"
        ]


def test_another_licence_may_say_anything(tmp_path):
    for derivatives in ("permitted", "with_conditions", "forbidden"):
        write(tmp_path, "iris/one", licence="terms of its own", derivatives=derivatives)
        assert len(read_catalogue(tmp_path)) == 1


def test_an_entry_of_which_nothing_was_read_needs_no_page(tmp_path):
    write(tmp_path, "iris/one", unverified=list(FACTS), verified_by=[])
    (source,) = read_catalogue(tmp_path)
    assert not any(map(source.is_verified, FACTS))


def test_names_every_problem_of_every_file_at_once(tmp_path):
    write(tmp_path, "iris/one", sex="perhaps", access="closed")
    write(tmp_path, "oct/two", modality=["oct"])
    write(tmp_path, "iris/good")
    write(tmp_path, "lungs/three")
    (tmp_path / "ecg").mkdir()
    (tmp_path / "ecg" / "list.yaml").write_text("- a\n")
    (tmp_path / "ecg" / "torn.yaml").write_text("a: [1\n")
    assert [line.partition(":")[0] for line in refusal(tmp_path)] == [
        "sources iris/one access",
        "sources iris/one sex",
        "sources oct/two fitness.oct_avatars",
        "sources oct/two fitness.iris_avatars",
        "sources ecg/list",
        "sources ecg/torn",
        "sources lungs/three",
    ]


def test_refuses_a_key_that_stands_twice(tmp_path):
    file = write(tmp_path, "iris/one")
    file.write_text(f"{file.read_text()}sex: not_recorded\n")
    (line,) = refusal(tmp_path)
    assert line.startswith("sources one.yaml line ")
    assert line.endswith("key 'sex' stands there again; keep one of them")


def test_refuses_two_entries_of_one_name(tmp_path):
    write(tmp_path, "fundus/one", name="Set", modality=["iris"])
    write(tmp_path, "iris/one", name="SET")
    assert refusal(tmp_path) == [
        "sources iris/one name: the name of fundus/one; keep one of the entries"
    ]


def test_refuses_files_outside_the_folder_of_an_area(tmp_path):
    write(tmp_path, "one")
    write(tmp_path, "iris/deep/two")
    lines = refusal(tmp_path)
    assert len(lines) == 2
    assert all("not in the folder of an area; use fundus, iris" in line for line in lines)


def test_refuses_an_empty_folder(tmp_path):
    assert refusal(tmp_path) == [f"sources {tmp_path.name}: no entries; check the folder"]
