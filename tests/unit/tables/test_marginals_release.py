"""A synthetic table from the manifest to the folder: what is published, what is spent, and what refuses one."""

import json
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from table_project import Project, without_figure

from avatarflow.config import table_problems
from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.tables.marginals import drawing, figures
from avatarflow.tables.marginals import release as synthetic
from avatarflow.tables.marginals.ledger import check_ledger, opened

needs_mbi = pytest.mark.skipif(
    find_spec("mbi") is None,
    reason="pip install --no-deps -r envs/marginals.txt: mbi is not in the lock",
)

ENTRY = {
    "source": {"manifest": "labels.csv"},
    "quasi_identifiers": {"age": {}, "sex": {}},
    "sensitive": {"grade": {}},
    "marginals": {
        "epsilon": 1, "delta": 1.0e-6,
        "domains": {
            "age": {"edges": [0, 40, 65, 120]}, "sex": {"values": ["f", "m"]}, "grade": {"values": ["a", "b", "c"]},
        },
    },
}  # fmt: skip


def manifest(patients=600):
    """One or two rows of each; women over 65 have grade c, all others a or b."""
    rows = []
    for number in range(patients):
        age, sex = 20 + number % 70, "fm"[number // 70 % 2]
        one = {
            "patient_id": f"CANARY-{number}", "age": str(age), "sex": sex, "name": f"CANARY {number}",
            "grade": "c" if age >= 65 and sex == "f" else "ab"[number % 2],
        }  # fmt: skip
        rows += [one] * (1 + number % 2)
    return pd.DataFrame(rows)


@pytest.fixture
def with_library(tmp_path, monkeypatch):
    made = Project(tmp_path, monkeypatch, ENTRY)
    made.ledger = made.beside("ledger")
    made.lines = lambda: check_ledger(str(made.ledger), "l")
    made.entry["marginals"]["ledger"] = str(made.ledger)
    without_figure(monkeypatch)
    return made


@pytest.fixture
def project(with_library, monkeypatch):
    """With rows that hang on the noisy counts as the library's do, so that all but the drawing is tested anywhere."""

    def rows_of(sets, counts, sigma, shape, seed):
        generator = np.random.default_rng([seed, *np.maximum(counts[0], 0)])
        return np.stack([generator.integers(0, size, 50) for size in shape], axis=1)

    monkeypatch.setattr(table_problems, "installed_version", lambda _: table_problems.MBI_VERSION)
    monkeypatch.setattr(synthetic, "check_size", lambda *_: None)
    monkeypatch.setattr(synthetic, "drawn", rows_of)
    return with_library


# --- with the library


@needs_mbi
def test_a_table_is_drawn_that_is_like_the_true_one_and_nobodys(with_library):
    project = with_library
    project.entry["marginals"]["sets"] = [["age", "sex", "grade"]]
    project.entry["marginals"]["epsilon"] = 5
    project.entry["gates"] = {"epsilon": 5}
    decided = project.run(manifest())
    assert (decided["decision"], decided["reasons"]) == ("pass", [])
    table = project.released()
    assert list(table) == ["age", "sex", "grade"]
    assert 540 < len(table) < 660
    assert set(table["age"]) <= {"[0, 40)", "[40, 65)", "[65, 120)"}
    women = table[(table["age"] == "[65, 120)") & (table["sex"] == "f")]
    assert (women["grade"] == "c").mean() > 0.8
    assert (table.drop(women.index)["grade"] == "c").mean() < 0.1
    distances = {tuple(each["columns"]): each for each in decided["internal"]["distances"]}
    assert len(distances) == 6
    assert all(each["after"] < 0.1 for each in distances.values())
    assert distances["age", "sex"]["before"] is None
    assert distances["age",]["before"] < 0.1


@needs_mbi
def test_a_rerun_spends_nothing_and_writes_the_same_bytes(with_library):
    project = with_library
    project.run(manifest())
    first = (project.folder / "release/table.csv").read_bytes()
    again = project.run(manifest().sample(frac=1, random_state=2))
    assert (project.folder / "release/table.csv").read_bytes() == first
    assert again["measured"]["ledger"]["measurements"] == len(project.lines()) == 1


@needs_mbi
def test_marginals_that_join_too_much_are_refused_before_anything_is_measured(with_library):
    with pytest.raises(
        AvatarflowError, match=r"the marginals join to 4,000,000 cells, more than 500,000"
    ):
        drawing.check_size([(0, 1), (1, 2), (0, 2)], (200, 200, 100), "config")
    drawing.check_size([(0, 1), (1, 2)], (200, 200, 100), "config")


# --- what is published


def test_what_is_published_holds_no_figure_without_noise(project):
    stays = project.run(manifest())
    decided = json.loads((project.folder / "release/certificate.json").read_text())
    assert stays["internal"]["patients"] == 600
    assert stays["internal"]["rows_left_out"] == 300
    assert {key: value for key, value in stays.items() if key != "internal"} == decided
    assert json.loads((project.folder / "certificate").read_text()) == stays
    # everything else in it is the same whatever the data are
    other = Project.__new__(Project)
    other.__dict__ |= project.__dict__ | {"ledger": project.folder.parent / "second"}
    other.ledger.touch(mode=0o600)
    other.entry["marginals"]["ledger"] = str(other.ledger)
    fewer = other.run(manifest(80).assign(sex="m"))
    assert {key: value for key, value in fewer.items() if key != "internal"} == decided


def test_nothing_written_names_a_patient_or_a_path(project, tmp_path):
    project.run(manifest())
    written = [
        path for path in project.folder.rglob("*") if path.name != "labels.csv" and path.is_file()
    ]
    assert len(written) == 5
    for path in written:
        assert "CANARY" not in path.read_text()
        assert str(tmp_path) not in path.read_text()


def test_the_certificate_says_what_is_spent_and_which_gates_say_nothing(project):
    decided = project.run(manifest())
    measured = decided["measured"]
    assert measured["epsilon"] == pytest.approx(1, rel=1e-3)
    assert measured["epsilon"] <= 1
    assert (measured["delta"], measured["sets"][-1]) == (1e-6, ["sex", "grade"])
    assert [gate["name"] for gate in decided["gates"]] == ["epsilon"]
    assert "k_anonymity" in decided["not_applicable"]
    assert "linkage" in decided["not_applicable"]
    assert any("none of them passed" in sentence for sentence in decided["claim"])
    assert "ledger" not in decided["asked"]["marginals"]
    assert "none of them passed" in (project.folder / "page").read_text()


# --- what is spent


def test_a_measurement_is_made_once_whatever_seed_order_and_data(project):
    first = project.run(manifest())
    counts = project.lines()[0]["counts"]
    project.run(manifest().sample(frac=1, random_state=3), seed=9)
    # whether a patient came is a question to the data, too
    later = project.run(manifest(599))
    (line,) = project.lines()
    assert line["counts"] == counts
    assert later["measured"] == first["measured"]
    assert "the data may have changed" in " ".join(later["claim"])
    assert line["entry"] == "t"
    assert first["measured"]["ledger"]["epsilon"] == pytest.approx(line["epsilon"], rel=1e-5)


def test_another_measurement_is_made_until_the_limit_and_not_beyond(project):
    project.entry["gates"] = {"epsilon": 1.5}
    project.run(manifest())
    project.entry["marginals"]["measurement"] = 2
    second = project.run(manifest(599))
    assert second["decision"] == "pass"
    # rho adds up, and epsilon by less
    assert 1.4 < second["measured"]["ledger"]["epsilon"] < 1.5
    project.entry["marginals"]["measurement"] = 3
    third = project.run(manifest(599))
    assert third["reasons"] == ["epsilon: fail"]
    assert len(project.lines()) == 2
    assert not (project.folder / "release").exists()
    assert third["measured"]["rows"] == 0
    assert "distances" not in third["internal"]
    assert "Refused" in (project.folder / "page").read_text()
    # the first table can still be made again
    project.entry["marginals"]["measurement"] = 1
    assert project.run(manifest())["decision"] == "pass"


def test_a_ledger_that_another_file_replaces_stops_the_run(project):
    copy = project.folder / "copy"
    copy.touch(mode=0o600)
    with (
        pytest.raises(AvatarflowError, match="another file took its place"),
        opened(str(project.ledger), "l"),
    ):
        copy.rename(project.ledger)


@pytest.mark.parametrize("change", [{"epsilon": 0.3}, {"order": 1}, {"sets": [["age", "sex"]]}])
def test_another_question_to_the_same_data_is_spent_too(project, change):
    project.entry["marginals"]["epsilon"] = 0.5
    project.run(manifest())
    project.entry["marginals"] |= change
    project.run(manifest())
    assert len(project.lines()) == 2


def test_an_epsilon_above_its_limit_is_refused_before_anything_is_read(project):
    project.entry["marginals"]["epsilon"] = 1.1
    with pytest.raises(
        AvatarflowError, match=r"marginals.epsilon: 1.1, and gates.epsilon is 1; ask"
    ):
        project.checked()


@pytest.mark.parametrize(
    ("content", "mode", "found"),
    [
        (None, 0o600, "no such file, and without it nobody knows what was spent"),
        (b"", 0o644, r"others than its owner may use it \(mode 0644\)"),
        (b'{"rho": 1}\n', 0o600, "line 1 is no measurement"),
        (b'{"rho": 1, "epsilon": 1, "delta": 1, "counts": [[1]], "identity": "x"}', 0o600, "line 1 is no measurement"),
        (b'{"rho": -1, "epsilon": 1, "delta": 1, "counts": [[1]], "identity": "x"}\n', 0o600, "line 1 is no"),
        (b'{"rho": NaN, "epsilon": 1, "delta": 1, "counts": [[1]], "identity": "x"}\n', 0o600, "line 1 is no"),
    ],
)  # fmt: skip
def test_a_ledger_that_does_not_say_what_was_spent_stops_the_run(project, content, mode, found):
    project.ledger.unlink()
    if content is not None:
        project.ledger.write_bytes(content)
        project.ledger.chmod(mode)
    with pytest.raises(AvatarflowError, match=f"config tables.t.marginals.ledger: {found}"):
        project.run(manifest())
    assert not (project.folder / "certificate").exists()


def test_a_ledger_in_the_working_directory_is_refused(project):
    project.entry["marginals"]["ledger"] = str(project.folder / "ledger")
    (project.folder / "ledger").touch(mode=0o600)
    with pytest.raises(AvatarflowError, match="it lies in the working directory or the project"):
        project.run(manifest())


# --- the attack, and what it cannot say


def test_patients_and_others_are_looked_for_in_the_table(project):
    people = manifest(900)[["patient_id", "age", "sex"]]
    people.loc[people.index[-1], "age"] = "150"  # in no domain, so in no table
    people.to_csv(project.folder / "people.csv", index=False)
    project.population = str(project.folder / "people.csv")
    attack = project.run(manifest().assign(sex="f"))["internal"]["linkage"]
    assert attack["before"]["patients"]["value"] == 1
    women = people.drop_duplicates("patient_id")["sex"][600:].eq("f")
    assert attack["before"]["others"]["n"] == len(women) == 300
    assert attack["before"]["others"]["value"] == pytest.approx(women.mean(), abs=1e-6)
    assert attack["bound"] == pytest.approx(np.tanh(0.5), rel=0.01)
    assert "The account allows an advantage of at most" in (project.folder / "page").read_text()


def test_the_attack_on_a_table_whose_answer_is_known():
    table = np.array([[0, 0], [1, 1]])
    patients = np.array([0, 0, 1, 2, 3]), np.array([[9, 9], [0, 0], [1, 1], [0, 1], [-1, 0]])
    others = np.array([0, 1, 2, 3]), np.array([[0, 0], [1, 0], [0, 1], [2, 2]])
    found = figures.linkage(patients, others, table)
    assert (found["patients"]["value"], found["others"]["value"]) == (0.5, 0.25)
    # Clopper and Pearson, 2 of 4 and 1 of 4
    assert found["advantage"]["value"] == 0.25
    assert found["advantage"]["low"] == pytest.approx(0.06759 - 0.80588, abs=1e-4)
    assert found["advantage"]["high"] == pytest.approx(0.93241 - 0.00631, abs=1e-4)
    nobody = figures.linkage(patients, (np.zeros(0, np.int64), np.zeros((0, 2), np.int64)), table)
    assert nobody["advantage"] == {"value": None, "low": None, "high": None}


def test_distances_of_marginals():
    true, rows = np.array([[0, 0], [1, 1]]), np.array([[0, 1], [0, 1], [1, 0], [1, 0]])
    found = figures.distances(true, rows, (2, 2), ["a", "b"], {(0,): [3, -1]})
    assert found == [
        {"columns": ["a"], "before": 0.5, "after": 0},
        {"columns": ["b"], "before": None, "after": 0},
        {"columns": ["a", "b"], "before": None, "after": 1},
    ]


# --- refusals


def test_cells_outside_of_their_domain_are_named_at_once_and_not_quoted(project):
    table = manifest(20)
    table.loc[3, "age"] = "SECRET"
    table.loc[[4, 5], "sex"] = "SECRET"
    table.loc[6, "grade"] = None
    with pytest.raises(AvatarflowError) as error:
        project.run(table)
    do = "correct them, or add what may be there by what is known of such data"
    where = "config tables.t.marginals.domains"
    assert str(error.value).splitlines() == [
        f"{where}.age: 1 cells outside of it (row 4); {do}",
        f"{where}.sex: 2 cells outside of it (row 5, 6); {do}",
        f"{where}.grade: 1 cells outside of it (row 7); {do}",
    ]
    assert project.lines() == []
    project.entry["marginals"]["domains"]["grade"]["empty"] = True
    table = manifest(20)
    table.loc[6, "grade"] = None
    assert project.run(table)["decision"] == "pass"


def test_a_number_of_each_patients_own_may_be_counted_in_intervals(project):
    table = manifest(4)
    table["grade"] = [str(number) for number in range(len(table))]
    project.entry["marginals"]["domains"]["grade"] = {"edges": [0, 3, 10]}
    assert project.run(table)["decision"] == "pass"


DOMAINS = ENTRY["marginals"]["domains"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"identifiers": ["patient_id"], "key_file": "/key"}, "identifiers: found beside marginals"),
        ({"dates": ["visit"], "key_file": "/key"}, "dates: found beside marginals"),
        ({"quasi_identifiers": {"age": {"intervals": [5]}, "sex": {}}}, "quasi_identifiers.age: a hierarchy beside"),
        ({"row_filter": "age > '9'"}, "row_filter: found beside marginals"),
        ({"patient_id_columns": ["a", "b"]}, "patient_id_columns: several columns beside marginals"),
        ({"sensitive": {"grade": {}, "hba1c": {}}}, "marginals.domains: none for column 'hba1c'"),
        ({"sensitive": {}}, "marginals.domains.grade: neither a quasi-identifier nor sensitive"),
    ],
)  # fmt: skip
def test_entries_that_marginals_contradict(project, changes, found):
    project.entry |= changes
    with pytest.raises(AvatarflowError) as error:
        project.checked()
    assert f"config tables.t.{found}" in str(error.value)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"epsilon": 0}, "epsilon: 0 is less than or equal to the minimum of 0"),
        ({"delta": 0.01}, "delta: 0.01 is greater than the maximum of 1e-06"),
        ({"ledger": "ledger"}, "ledger: found 'ledger', which has another form"),
        ({"sets": [["age", "name"]]}, "sets: set 1: column 'name' is neither"),
        ({"domains": {**DOMAINS, "sex": {}}}, "domains.sex: neither values nor edges"),
        ({"domains": {**DOMAINS, "sex": {"values": ["f"], "edges": [1, 2]}}}, "domains.sex: both values and edges"),
        ({"domains": {**DOMAINS, "sex": {"values": ["f", "f "]}}}, "domains.sex.values: two that are one number, or"),
        ({"domains": {**DOMAINS, "sex": {"values": ["1", "1.0"]}}}, "domains.sex.values: two that are one number"),
        ({"domains": {**DOMAINS, "sex": {"values": ["\xe9", "e\u0301"]}}}, "domains.sex.values: two that are one"),
        ({"domains": {**DOMAINS, "age": {"edges": [0, 40, 40]}}}, "domains.age.edges: ends that do not rise"),
        ({"domains": {**DOMAINS, "age": {"edges": [4]}}}, "domains.age.edges: ends that do not rise, or only one"),
    ],
)  # fmt: skip
def test_marginals_that_cannot_be(project, changes, found):
    project.entry["marginals"] |= changes
    with pytest.raises(AvatarflowError) as error:
        project.checked()
    assert f"config tables.t.marginals.{found}" in str(error.value)


def test_two_ledgers_and_two_limits_are_refused_whatever_the_manifests_are_called(project):
    second = {**project.entry, "source": {"manifest": "./labels.csv"}, "gates": {"epsilon": 2}}
    second["marginals"] = {**project.entry["marginals"], "ledger": "/other"}
    with pytest.raises(AvatarflowError) as error:
        load({"tables": {"t": project.entry, "u": second}})
    assert str(error.value).splitlines() == [
        "config tables.u.marginals.ledger: another ledger than that of 't'; name one for all",
        "config tables.u.gates.epsilon: 2, and 1 in 't', for one ledger; write one for all",
    ]
    second["marginals"]["ledger"] = f"{project.ledger.parent}/./{project.ledger.name}"
    load({"tables": {"t": project.entry, "u": {**second, "gates": {}}}})


@pytest.mark.skipif(find_spec("mbi") is not None, reason="mbi is installed")
def test_a_job_without_the_library_says_so():
    with pytest.raises(AvatarflowError, match="mbi is not installed where the job runs; install"):
        drawing.check_size([(0,)], (2,), "config")


@pytest.mark.parametrize("key", ["epsilon", "delta", "ledger", "domains"])
def test_nothing_that_decides_on_privacy_has_a_default(project, key):
    del project.entry["marginals"][key]
    with pytest.raises(AvatarflowError, match=f"marginals: key '{key}' is missing"):
        project.checked()


@pytest.mark.parametrize(
    ("version", "found"), [("", "mbi is not installed"), ("1.0.0", "mbi 1.0.0 is installed")]
)
def test_without_the_library_the_entry_is_refused_by_name(project, monkeypatch, version, found):
    monkeypatch.setattr(table_problems, "installed_version", lambda _: version)
    with pytest.raises(AvatarflowError) as error:
        project.checked()
    assert str(error.value) == (
        f"config tables.t.marginals: {found}; pip install --no-deps --requirement envs/marginals.txt, or take "
        "marginals out"
    )
    project.entry["marginals"] = None
    project.checked()
