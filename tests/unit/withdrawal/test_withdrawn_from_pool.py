"""Who in a pool may not be used now: found by pictures alone, since a pool names nobody."""

import json
from collections import Counter
from pathlib import Path

import clinic
import consents
import pandas as pd
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.shards import read_table
from avatarflow.intake.consent.gate import ConsentFiles
from avatarflow.withdrawal.patients import ABSENT, LISTED, everybody, gone_from

POOL = clinic.HOME / "pool/pictures"
DAY = "2026-01-01"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clinic.write_originals()


def gone(settings):
    return gone_from(settings["releases"]["eyes"], settings, POOL, DAY, Path("scratch"))


def causes(settings):
    return Counter(gone(settings).causes.values())


def person_of(row):
    table = read_table(POOL)
    return int(table.loc[table["row"] == row, "person"].iloc[0])


def test_a_listed_patient_is_found_with_all_pictures():
    clinic.make_pool(clinic.config())
    assert causes(clinic.config()) == {}
    clinic.list_gone("P2")
    found = gone(clinic.config())
    person = person_of(5)
    assert found.causes == {person: LISTED}
    assert found.pictures == {person: 2}
    assert found.rows == {person: (5, 6)}
    assert found.counts()["patients_by_cause"] == {LISTED: 1}


def test_rows_that_moved_since_the_pool_was_made_do_not_matter():
    clinic.make_pool(clinic.config())
    person = person_of(5)
    pd.DataFrame(clinic.rows()[::-1]).to_csv("data/m.csv", index=False)
    clinic.list_gone("p2", "p9")
    assert gone(clinic.config()).causes == {person: LISTED}


def test_a_patient_whose_rows_and_files_are_gone_is_found():
    clinic.make_pool(clinic.config())
    person = person_of(5)
    pd.DataFrame(clinic.rows()[:4] + clinic.rows()[6:]).to_csv("data/m.csv", index=False)
    assert gone(clinic.config()).causes == {person: ABSENT}
    pd.DataFrame(clinic.rows()).to_csv("data/m.csv", index=False)
    Path("data/5.png").unlink()  # one of two
    found = gone(clinic.config())
    assert found.causes == {person: ABSENT}
    assert found.pictures == {person: 2}


def test_all_of_them_may_have_withdrawn():
    clinic.make_pool(clinic.config())
    clinic.list_gone(*(f"p{n}" for n in range(clinic.PERSONS)))
    assert causes(clinic.config()) == {LISTED: clinic.PERSONS}


def test_a_patient_of_the_list_who_never_was_in_the_pool_changes_nothing():
    clinic.list_gone("p2")
    clinic.make_pool(clinic.config())
    assert causes(clinic.config()) == {}


def test_other_settings_make_nobody_a_withdrawn_patient():
    clinic.make_pool(clinic.config())
    clinic.list_gone("p2")
    with pytest.raises(AvatarflowError, match="no picture of the pool is one of the originals"):
        gone(clinic.config(size_px=24))
    assert len(everybody(POOL).causes) == clinic.PERSONS


def test_a_filter_that_is_narrower_now_is_no_withdrawal():
    clinic.make_pool(clinic.config())
    assert causes(clinic.config(row_filter="patient <> 'p2'")) == {}


def with_consents(statuses):
    """A configuration that checks consents, and what intake needs for it."""
    each = [consents.given(f"p{n}", id=f"c{n}", status=status) for n, status in enumerate(statuses)]
    path = Path("data/consents.ndjson")
    path.write_text("\n".join(map(json.dumps, each)))
    settings = clinic.config(
        consent={"files": [str(path)], "patient_column": "patient", "collected": None}
    )
    return settings, ConsentFiles([str(path)], DAY, "day.json", "")


def test_a_consent_that_was_taken_back_is_found():
    settings, files = with_consents(["active"] * 6)
    clinic.make_pool(settings, consents=files)
    assert causes(settings) == {}
    settings, _ = with_consents(["active", "inactive", "active", "active", "active", "active"])
    clinic.list_gone("p0")
    assert gone(settings).causes == {person_of(1): LISTED, person_of(3): "consent: inactive"}


def test_patients_whom_a_picture_makes_one_are_refused_together():
    listed = clinic.rows()
    listed[2]["file"] = "0.png"  # p1 shows a picture of p0
    clinic.write_originals(listed)
    settings, files = with_consents(["active"] * 6)
    clinic.make_pool(settings, consents=files)
    settings, _ = with_consents(["active", "inactive", "active", "active", "active", "active"])
    person = person_of(2)
    assert gone(settings).causes == {person: "consent: inactive"}
    assert gone(settings).pictures[person] == 3
