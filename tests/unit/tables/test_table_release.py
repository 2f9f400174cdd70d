"""A table of labels from the manifest to the folder, and everything that refuses one."""

import json

import numpy as np
import pandas as pd
import pytest
from table_project import Project, without_figure

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.statistics import Estimate
from avatarflow.runs.context import Step
from avatarflow.tables import measure, release
from avatarflow.tables.gates import OF_DATES, RULES, expected, hold_all, not_checked, passed

ENTRY = {
    "source": {"manifest": "labels.csv"},
    "identifiers": ["patient_id"],
    "dates": ["visit"],
    "quasi_identifiers": {"age": {"intervals": [10, 50]}, "sex": {}},
    "sensitive": {"grade": {}},
    "gates": {"k_anonymity": 8, "prosecutor_risk": 0.4, "t_closeness": 0.5, "linkage": 0.5, "linkage_with_dates": 0.9,
              "singled_out": 0.1},
}  # fmt: skip


def manifest(patients=60):
    """Two rows of each patient, of one day; sexes and grades alternate, and ages follow each other."""
    rows = []
    for number in range(patients):
        one = {
            "patient_id": f"CANARY-{number}", "visit": f"2024-{1 + number % 12:02d}-11", "age": str(30 + number % 20),
            "sex": "fm"[number % 2], "grade": "abc"[number % 3], "name": f"CANARY {number}",
        }  # fmt: skip
        rows += [one, one]
    return pd.DataFrame(rows)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    made = Project(tmp_path, monkeypatch, ENTRY)
    made.key = made.beside("key", "0123456789abcdef" * 2)
    made.entry["key_file"] = str(made.key)
    return made


@pytest.fixture
def project(drawn, monkeypatch):
    without_figure(monkeypatch)
    return drawn


def test_a_table_that_passes_every_gate_is_released(project):
    decided = project.run(manifest())
    assert (decided["decision"], decided["reasons"]) == ("pass", [])
    table = project.released()
    assert list(table) == ["patient_id", "visit", "age", "sex", "grade"]
    assert len(table) == 120
    assert table["patient_id"].str.fullmatch("[0-9a-f]{32}").all()
    assert table["patient_id"].nunique() == 60
    assert set(table["age"]) == {"[30, 40)", "[40, 50)"}
    assert table.groupby(["age", "sex"])["patient_id"].nunique().min() >= 8
    files = sorted(path.name for path in (project.folder / "release").iterdir())
    assert files == ["SHA256SUMS", "certificate.json", "table.csv"]
    assert decided == json.loads((project.folder / "certificate").read_text())


def test_nothing_released_or_shown_names_a_patient_the_key_or_a_path(drawn, tmp_path):
    project = drawn
    project.run(manifest())
    written = [
        path for path in project.folder.rglob("*") if path.name != "labels.csv" and path.is_file()
    ]
    assert len(written) == 5
    for path in written:
        text = path.read_text()
        assert "CANARY" not in text
        assert "0123456789abcdef" not in text
        assert str(tmp_path) not in text


def test_dates_are_moved_by_one_number_of_days_per_patient(project):
    table = manifest()
    table.loc[1::2, "visit"] = "2024-12-30"
    project.entry["gates"] |= dict.fromkeys(OF_DATES, 1)
    project.run(table)
    days = project.released().groupby("patient_id")["visit"].agg(lambda days: tuple(sorted(days)))
    gaps = sorted((pd.Timestamp(last) - pd.Timestamp(first)).days for first, last in days)
    true = pd.to_datetime("2024-12-30") - pd.to_datetime(manifest()["visit"][::2])
    assert gaps == sorted(true.dt.days)
    assert not set(project.released()["visit"]) <= set(table["visit"])


def test_several_dates_of_a_patient_single_him_out_and_the_gate_says_so(project):
    table = manifest()
    table.loc[1::2, "visit"] = [f"2024-{1 + one // 28:02d}-{1 + one % 28:02d}" for one in range(60)]
    decided = project.run(table)
    assert decided["reasons"] == [f"{name}: fail" for name in OF_DATES]
    assert not (project.folder / "release").exists()


def test_a_patient_whose_dates_cannot_be_measured_counts_as_named(project, monkeypatch):
    monkeypatch.setattr(measure, "attack", lambda asked, *_: np.zeros(len(asked.keys)))
    gates = {gate["name"]: gate for gate in project.run(manifest())["gates"]}
    assert gates["singled_out"]["value"] == 1


def test_some_who_are_singled_out_are_not_hidden_by_a_mean(project):
    """50 of 1,000 patients have days between visits that nobody else has; on average 6 % are named rightly."""
    table = manifest(1000)
    gaps = [40 + one if one < 50 else 7 for one in range(1000)]
    first = pd.to_datetime(table.loc[1::2, "visit"])
    table.loc[1::2, "visit"] = (first + pd.to_timedelta(gaps, unit="D")).dt.strftime("%Y-%m-%d")
    project.entry["gates"] |= {"linkage_with_dates": 0.1}
    del project.entry["gates"]["singled_out"]
    decided = project.run(table)
    assert decided["reasons"] == ["prosecutor_risk_with_dates: fail", "singled_out: fail"]
    gates = {gate["name"]: gate for gate in decided["gates"]}
    assert gates["linkage_with_dates"]["held"] < 0.1
    assert gates["prosecutor_risk_with_dates"]["value"] == 1
    assert (gates["singled_out"]["value"], gates["singled_out"]["held"]) == pytest.approx(
        (0.05, 0.0654), abs=1e-4
    )
    assert not (project.folder / "release").exists()


def test_days_are_paired_with_the_quasi_identifiers_of_their_row(project):
    """All patients have the same two ages and days between visits; one has them in the other order."""
    table = manifest().assign(age="38", visit="2024-01-11")
    table.loc[1::2, ["age", "visit"]] = ["41", "2024-06-11"]
    table.loc[[0, 1], "age"] = ["41", "38"]
    decided = project.run(table)
    assert decided["reasons"] == ["prosecutor_risk_with_dates: fail"]


def test_the_order_of_the_rows_changes_nothing_and_is_not_kept(project):
    project.run(manifest())
    first = (project.folder / "release/table.csv").read_text()
    decided = json.loads((project.folder / "certificate").read_text())
    shuffled = manifest().sample(frac=1, random_state=3)
    assert project.run(shuffled) == decided
    assert (project.folder / "release/table.csv").read_text() == first


def test_another_key_another_name_gives_other_pseudonyms(project):
    before = project.run(manifest())
    first = set(project.released()["patient_id"])
    project.key.write_text("fedcba9876543210" * 2)
    after = project.run(manifest())
    assert not first & set(project.released()["patient_id"])
    assert before["measured"]["key"] != after["measured"]["key"]


def test_another_seed_moves_no_date_and_no_pseudonym(project):
    project.run(manifest())
    first = project.released()
    project.run(manifest(), seed=9)
    assert first.equals(project.released())


def test_classes_are_large_enough_for_the_prosecutors_gate(project):
    project.entry["gates"] |= {"k_anonymity": 2, "prosecutor_risk": 0.09}
    decided = project.run(manifest())
    assert decided["decision"] == "pass"
    assert decided["measured"]["classes"]["smallest"] >= 12
    assert decided["measured"]["risk"]["after"]["prosecutor"]["largest"] <= 0.09


def test_patients_who_stand_out_are_left_out_and_counted(project):
    table = manifest()
    table.loc[:1, "age"] = "99"
    project.entry["gates"]["suppression"] = 0.02
    decided = project.run(table)
    assert decided["measured"]["counts"]["patients"] == {
        "came": 60, "went_on": 59, "left_out": {"suppressed": 1}
    }  # fmt: skip
    assert decided["measured"]["counts"]["rows"]["went_on"] == 118
    project.entry["gates"]["suppression"] = 0.01
    assert project.run(table)["measured"]["counts"]["patients"]["went_on"] == 60


def test_a_homogeneous_table_is_refused_and_an_older_folder_is_gone(project):
    project.run(manifest())
    decided = project.run(manifest().assign(grade="a"))
    assert decided["reasons"] == ["l_diversity.grade: fail", "entropy_l_diversity.grade: fail"]
    assert decided["measured"]["limits_kept"] is False
    assert not (project.folder / "release").exists()


def test_a_population_gives_the_journalist_the_marketer_and_a_registry(project):
    everyone = manifest(90)[["patient_id", "age", "sex"]]
    everyone.to_csv(project.folder / "people.csv", index=False)
    project.population = str(project.folder / "people.csv")
    measured = project.run(manifest())["measured"]
    risk = measured["risk"]["after"]
    assert risk["marketer"] == pytest.approx(risk["journalist"]["mean"])
    # the population's 90 persons fill the same four classes: 20 or 25 in each, where the table has 15
    assert measured["classes"]["largest"] == 15
    assert risk["journalist"]["largest"] == pytest.approx(1 / 20)
    assert risk["prosecutor"]["largest"] == pytest.approx(1 / 15, rel=1e-5)
    assert measured["linkage"]["registry_after"]["value"] == risk["marketer"] == 0.045


def test_a_hierarchy_from_a_file(project):
    file = project.folder / "sex.csv"
    file.write_text("sex,any\nf,known\nm,known\n")
    project.entry["quasi_identifiers"] = {"sex": {"file": "sex.csv"}}
    project.hierarchies = [str(file)]
    project.entry["gates"] |= {"k_anonymity": 40}
    decided = project.run(manifest())
    assert decided["measured"]["levels"] == [
        {"column": "sex", "level": 1, "highest": 2, "meaning": "level 'any' of its file"}
    ]
    assert "sex.csv" not in json.dumps(decided)


def test_rows_may_be_chosen(project):
    project.entry["row_filter"] = "age < 40"
    assert project.run(manifest())["measured"]["counts"]["patients"]["came"] == 30


def test_a_table_may_be_made_up(project):
    project.entry |= {
        "source": {"generate": {"patients": 150}}, "sensitive": {"diagnosis": {}},
        "quasi_identifiers": {"age": {"intervals": [20]}, "sex": {}},
    }  # fmt: skip
    outputs = {name: project.folder / name for name in ("certificate", "page")}
    paths = {"manifest": None, "population": None, "hierarchies": None, "key": str(project.key)}
    settings = {**project.checked(), "seed": 2}
    decided = release.release_table(
        "t", paths, settings, outputs, project.folder / "release", Step.null()
    )
    assert decided["measured"]["generated"] is True
    assert "made up" in (project.folder / "page").read_text()


# --- refusals


def problems_of(project, table):
    with pytest.raises(AvatarflowError) as error:
        project.run(table)
    assert not (project.folder / "certificate").exists()
    return str(error.value).splitlines()


def test_every_problem_of_a_table_is_named_at_once_and_no_cell_is_quoted(project):
    table = manifest(10)
    table.loc[0, "patient_id"] = None
    table.loc[[3, 6, 7], "visit"] = ["SECRET", "1800-01-05", "2200-12-01"]
    table.loc[[4, 5], "age"] = "SECRET"
    table["grade"] = "SECRET"
    project.entry["gates"]["k_anonymity"] = 40
    project.entry["sensitive"] = {"grade": {"distance": "ordered"}}
    lines = problems_of(project, table)
    where = "config tables.t"
    assert lines == [
        f"{where}: 1 rows without a patient (row 1); name their patients, or leave them out by row_filter",
        f"{where}.dates: column 'visit': 2 days within 365 days of 1800 or 2200 (row 7, 8); correct them, or leave "
        "them empty where they stand for an unknown day",
        f"{where}.dates: column 'visit': 1 cells that are no day (row 4); write 2026-12-01 or 20261201",
        f"{where}.sensitive.grade: 20 cells that are no number (row 1, 2, 3, 4, 5, ...); correct them, or take equal "
        "as distance",
        f"{where}.quasi_identifiers.age: 2 cells that are no number (row 5, 6); correct them, or give a hierarchy "
        "as a file",
        f"{where}.gates.k_anonymity: k 40, and 10 patients; set a smaller one, or take more patients",
    ]


def test_columns_that_are_not_there_or_stand_twice(project):
    lines = problems_of(project, manifest().drop(columns=["visit", "sex"]))
    assert lines == [
        "manifest labels.csv: no column 'visit'; add it, or correct the config",
        "manifest labels.csv: no column 'sex'; add it, or correct the config",
    ]
    table = manifest()
    table.insert(0, "sex", "f", allow_duplicates=True)
    (line,) = problems_of(project, table)
    assert line.startswith("manifest labels.csv: columns 1, 5 have one name 'sex'")


def test_values_of_the_population_that_are_none(project):
    people = manifest(90)[["patient_id", "age", "sex"]]
    people.loc[7, "age"] = "SECRET"
    people.to_csv(project.folder / "people.csv", index=False)
    project.population = str(project.folder / "people.csv")
    (line,) = problems_of(project, manifest())
    assert line.startswith(
        "config tables.t.population: column 'age': 1 cells that are no number (row 8)"
    )


def test_a_population_without_the_patients_is_refused(project):
    people = manifest(90)[["patient_id", "age", "sex"]]
    people["patient_id"] = "OTHER-" + people["patient_id"]
    people.to_csv(project.folder / "people.csv", index=False)
    project.population = str(project.folder / "people.csv")
    (line,) = problems_of(project, manifest())
    assert line.startswith(
        "config tables.t.population: 60 patients of the table are not in it; give the persons"
    )


@pytest.mark.parametrize(
    ("distance", "value", "found"),
    [
        ("equal", lambda n: f"M{n:04d}", "60 different values of 60 patients, which can name them"),
        ("ordered", lambda n: 7000 + n, "60 different values of 60 patients, which can name them"),
        ("ordered", lambda n: 1990 - n % 20, "each value stands for one of quasi-identifier 'age'"),
    ],
)
def test_a_sensitive_column_that_names_patients_or_says_a_quasi_identifier_again(
    project, distance, value, found
):
    table = manifest()
    table["grade"] = [str(value(int(one.rpartition("-")[2]))) for one in table["patient_id"]]
    project.entry["sensitive"] = {"grade": {"distance": distance}}
    (line,) = problems_of(project, table)
    assert line.startswith(f"config tables.t.sensitive.grade: {found}; ")


def test_measurements_may_differ_for_each_patient(project):
    table = manifest()
    table["grade"] = [
        f"{6 + int(one.rpartition('-')[2]) * 37 % 60 / 100}5" for one in table["patient_id"]
    ]
    project.entry["sensitive"] = {"grade": {"distance": "ordered"}}
    assert project.run(table)["decision"] in ("pass", "refuse")


@pytest.mark.parametrize("rare", ["A ", "unknown", "n/a"])
def test_spellings_and_words_for_nothing_are_no_other_value(project, rare):
    table = manifest()
    numbers = [int(one.rpartition("-")[2]) for one in table["patient_id"]]
    table["grade"] = [rare if number // 2 % 3 == 0 else "a" for number in numbers]
    decided = project.run(table)
    gates = {gate["name"]: gate for gate in decided["gates"]}
    assert gates["l_diversity.grade"]["value"] == 1
    assert decided["decision"] == "refuse"
    assert not (project.folder / "release").exists()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"source": {}}, "source: found none; give exactly one of manifest, generate"),
        ({"key_file": None}, "key_file: none, and pseudonyms and shifted dates need a key"),
        ({"dates": ["visit", "grade"]}, "sensitive: column 'grade' is also in dates"),
        ({"identifiers": ["visit"]}, "dates: column 'visit' is also in identifiers"),
        ({"sensitive": {"patient_id": {}}, "identifiers": []}, "sensitive: column 'patient_id' names the patient"),
        ({"quasi_identifiers": {"age": {"intervals": [10, 25]}}}, "quasi_identifiers.age.intervals: 25 is no multiple"),
        ({"quasi_identifiers": {"age": {"intervals": [10, 10]}}}, "quasi_identifiers.age.intervals: 10 is no multiple"),
        ({"quasi_identifiers": {"code": {"digits": [2, 3]}}}, "quasi_identifiers.code.digits: 3 behind 2"),
        ({"quasi_identifiers": {"code": {"digits": [2], "file": "h"}}}, "quasi_identifiers.code: found digits and"),
        ({"quasi_identifiers": {}}, "quasi_identifiers: {} should be non-empty"),
        ({"gates": {"k_anonymity": 1}}, "gates.k_anonymity: 1 is less than the minimum of 2"),
        ({"gates": {"k": 5}}, "gates: unknown key 'k'"),
        ({"identifiers": ["a", "a"]}, "identifiers: ['a', 'a'] has non-unique elements"),
        ({"key_file": "key"}, "key_file: found 'key', which has another form"),
    ],
)  # fmt: skip
def test_configurations_that_contradict_themselves(project, changes, found):
    project.entry |= changes
    with pytest.raises(AvatarflowError) as error:
        project.checked()
    assert f"config tables.t.{found}" in str(error.value)


# --- gates

FIGURES = {
    "k_anonymity": 5, "l_diversity.grade": 2, "entropy_l_diversity.grade": 1.2, "t_closeness.grade": 0.3,
    "suppression": 0.05, "prosecutor_risk": 0.2, "linkage": 0.1, "linkage_with_dates": 0.1,
    "prosecutor_risk_with_dates": 0.2, "singled_out": 0.05,
}  # fmt: skip


def settings_of(project, **gates):
    project.entry["gates"] = gates
    return project.checked()


def estimates(**changes):
    return {name: Estimate.exact(value, 50) for name, value in {**FIGURES, **changes}.items()}


def test_figures_at_their_limits_pass(project):
    settings = settings_of(project)
    assert expected(settings) == list(FIGURES)
    assert passed(hold_all(estimates(), settings), settings)


@pytest.mark.parametrize("name", list(FIGURES))
def test_a_figure_beyond_its_limit_or_missing_is_no_pass(project, name):
    settings = settings_of(project)
    worse = -0.01 if RULES[name.partition(".")[0]].direction == "at least" else 0.01
    gates = hold_all(estimates(**{name: FIGURES[name] + worse}), settings)
    assert [gate.name for gate in gates if gate.result == "fail"] == [name]
    assert not passed(gates, settings)
    missing = {key: one for key, one in estimates().items() if key != name}
    gates = hold_all(missing, settings)
    assert [gate.name for gate in gates if gate.result == "inconclusive"] == [name]
    assert not passed(gates, settings)
    assert not passed([gate for gate in gates if gate.name != name], settings)


def test_the_attacks_are_held_at_the_upper_end(project):
    settings = settings_of(project)
    figures = estimates() | {"linkage": Estimate(0.05, 0.02, 0.11, 50)}
    assert [gate.result for gate in hold_all(figures, settings) if gate.name == "linkage"] == [
        "fail"
    ]


def test_gates_that_are_off_or_without_a_column_are_named(project):
    settings = settings_of(project, linkage_with_dates=1, l_diversity=1)
    assert not_checked(settings) == ["l_diversity", "linkage_with_dates"]
    project.entry |= {"sensitive": {}, "dates": []}
    settings = settings_of(project)
    assert expected(settings) == ["k_anonymity", "suppression", "prosecutor_risk", "linkage"]
    assert not_checked(settings) == ["l_diversity", "entropy_l_diversity", "t_closeness"]


def test_a_gate_that_is_off_does_not_lead_the_search(project):
    project.entry["gates"] |= {"l_diversity": 1, "entropy_l_diversity": 1, "t_closeness": 1}
    decided = project.run(manifest().assign(grade=np.nan))
    assert decided["decision"] == "pass"
    assert decided["not_checked"] == ["l_diversity", "entropy_l_diversity", "t_closeness"]
