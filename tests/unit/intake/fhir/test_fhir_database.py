"""What is known of patients while FHIR files are read: on disk, without a name, and in a few bytes of memory."""

import gc
import json
import sqlite3
import tracemalloc
from datetime import date

import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.consent.codes import COLLECT, USE
from avatarflow.intake.consent.decisions import Days
from avatarflow.intake.consent.register import Asked, read_register
from avatarflow.intake.fhir.database import CACHE_KIB, Database, Groups
from avatarflow.intake.fhir.people import read_people
from avatarflow.intake.sources.labels import read_known

TODAY = date(2026, 6, 1).toordinal()
ASKED = Asked((USE,), COLLECT, frozenset(), Days(TODAY, TODAY))
DIAGNOSED = {"identifier_system": "urn:mrn", "diagnoses": {"a": ["urn:x|a"]}}
MOST_BYTES = 60
"""For each patient with two records, with what the arrays of `Groups` have in reserve; 24 are needed."""


def resources(number):
    """Yield what a hospital sends of one patient, who is linked to an older record of his."""
    of = {"reference": f"Patient/p{number}"}
    identifiers = [{"system": "urn:mrn", "value": f"M{number:06d}"}]
    link = [{"other": {"reference": f"Patient/old{number}"}, "type": "replaces"}]
    patient = {"resourceType": "Patient", "gender": "female", "birthDate": "1960-01-01"}
    yield patient | {"id": f"p{number}", "identifier": identifiers, "link": link}
    yield patient | {"id": f"old{number}"}
    code = {"coding": [{"system": "urn:x", "code": "a"}]}
    yield {"resourceType": "Condition", "subject": of, "code": code}
    coded = {"coding": [{"code": "research"}]}
    yield {"resourceType": "Consent", "id": f"c{number}", "status": "inactive", "patient": of, "scope": coded,
        "category": [coded], "policyRule": coded, "dateTime": "2025-01-01"}  # fmt: skip


READERS = {
    "consents": lambda path: read_register([path], "urn:mrn", ASKED),
    "labels": lambda path: read_known([path], DIAGNOSED),
    "links": lambda path: read_people([path], "urn:mrn", "FHIR file"),
}


@pytest.mark.parametrize("use", READERS)
def test_memory_hardly_grows_with_the_patients(tmp_path, monkeypatch, use):
    held = []

    def end(database):
        gc.collect()  # models of resources refer to each other
        held.append(tracemalloc.get_traced_memory()[0])

    monkeypatch.setattr(Database, "end", end)  # when all is read, and nothing given up yet
    counts = (2, 150, 450)  # the first loads what is loaded once
    for count in counts:
        path = tmp_path / "f.ndjson"
        listed = (one for number in range(count) for one in resources(number))
        path.write_text("".join(json.dumps(one) + "\n" for one in listed))
        gc.collect()
        tracemalloc.start()
        READERS[use](str(path))
        tracemalloc.stop()
    assert held[2] - held[1] < MOST_BYTES * (counts[2] - counts[1])


def test_what_is_kept_is_in_a_file_without_a_name(tmp_path):
    database = Database(tmp_path)
    database.tables("CREATE TABLE t (number INTEGER PRIMARY KEY, said)")
    for _ in range(2 * CACHE_KIB):  # more than the cache holds
        database.run("INSERT INTO t (said) VALUES (?)", "x" * 1024)
    assert list(tmp_path.iterdir()) == []
    database.end()
    assert list(tmp_path.iterdir()) == []
    assert database.row("SELECT count(*), sum(length(said)) FROM t") == (
        2 * CACHE_KIB,
        2 * CACHE_KIB * 1024,
    )


def test_what_is_asked_of_one_patient_is_found_by_an_index(tmp_path, monkeypatch):
    asked, rows = {}, Database.rows

    def noted(database, statement, *values):
        asked.setdefault(statement, (database, values))
        return rows(database, statement, *values)

    path = tmp_path / "f.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in resources(1)))
    monkeypatch.setattr(Database, "rows", noted)
    assert READERS["consents"](str(path)).decide("M000001").outcome == "inactive"
    assert READERS["labels"](str(path)).of("M000001").sexes == {"female"}
    assert READERS["links"](str(path)).linked("m000001") == {"m000001"}
    assert len(asked) > 15
    for statement, (database, values) in asked.items():
        if values:
            plan = list(rows(database, f"EXPLAIN QUERY PLAN {statement}", *values))
            assert not [step for *_, step in plan if step.startswith("SCAN")], statement


def test_a_full_disk_is_told_without_what_was_to_be_kept(tmp_path):
    database = Database(tmp_path)
    database.tables("PRAGMA max_page_count = 20; CREATE TABLE t (said)")
    with pytest.raises(AvatarflowError, match=r"disk is full\); make room in ") as error:
        database.run("INSERT INTO t VALUES (?)", "M1" * 100_000)
    assert "M1" not in str(error.value)
    with pytest.raises(sqlite3.OperationalError):
        database.run("INSERT INTO absent VALUES (1)")


def test_texts_come_back_as_they_were(tmp_path):
    database = Database(tmp_path)
    database.tables("CREATE TABLE t (number INTEGER PRIMARY KEY, said UNIQUE)")
    texts = ["", "a\0b", "\ud800", "ä", "7", None]
    for text in texts:
        database.run("INSERT INTO t (said) VALUES (?)", text)
    assert [said for (said,) in database.rows("SELECT said FROM t ORDER BY number")] == texts
    assert database.row("SELECT number FROM t WHERE said = ?", "\ud800") == (3,)


def test_numbers_that_belong_together_are_named_by_the_first():
    groups = Groups()
    for _ in range(6):
        groups.add()
    groups.join(5, 4)
    groups.join(1)
    groups.join(4, 2, 5)
    assert [groups.first(number) for number in range(6)] == [0, 1, 2, 3, 2, 2]
