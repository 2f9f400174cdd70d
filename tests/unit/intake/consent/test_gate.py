"""The gate in front of the pool: who is left out, as one patient, with the counts and without a name."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from consents import COLLECT, consent, deny, given, permit, write
from inputs import listed, outputs
from PIL import Image

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.shards import read_table
from avatarflow.intake.consent.day import day_to_judge, write_day
from avatarflow.intake.consent.gate import ConsentFiles
from avatarflow.intake.pool import pool_from_manifest
from avatarflow.intake.refusals import check_share
from avatarflow.intake.step import take_in
from avatarflow.release.consent import consent_section
from avatarflow.runs.context import Step

DAY = "2026-06-01"
STEP = Step.null()


def entry(**changes):
    consents = {"files": ["c.ndjson"], "patient_column": "patient", "acquired_column": "taken"}
    given = {
        "source": {"manifest": "m.csv", "root": "."},
        "gates": {},
        "patient_id_columns": ["patient", "mrn"],
        "consent": consents | changes.pop("consent", {}),
        "size_px": 16,
        "limits": {"max_refused_share": 0.0},
        **changes,
    }
    return load({"releases": {"x": given}})["releases"]["x"]


def save(path, seed):
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    rows = []
    for n in range(8):
        save(tmp_path / f"{n}.png", n)
        day = "2025-02-03"
        rows.append({"file": f"{n}.png", "patient": f"p{n // 2}", "mrn": "", "taken": day})
    return tmp_path, rows


def files(root, *resources):
    path = write(root / "c.ndjson", *resources)
    return ConsentFiles([path], DAY, str(root / "day.json"), "s")


def pool(folder, *resources, **changes):
    root, rows = folder
    pd.DataFrame(rows).to_csv(root / "m.csv", index=False)
    consents = files(root, *resources)
    return pool_from_manifest(
        entry(**changes), listed(root, "m.csv", consents=consents), 1, 1, STEP
    )


def everybody(*but):
    return [given(f"p{n}") for n in range(4) if f"p{n}" not in but]


def test_only_permitted_patients_are_let_in_and_the_others_counted_by_reason(folder):
    found = pool(
        folder,
        *everybody("p0", "p1", "p2"),
        consent(deny(), patient="p1"),
        given("p2", status="maybe"),
    )
    assert list(found.table["row"]) == [7, 8]
    assert found.refused == {
        1: "consent: no consent",
        2: "consent: no consent",
        3: "consent: deny",
        4: "consent: deny",
        5: "consent: unknown",
        6: "consent: unknown",
    }
    assert found.gate.summary == {
        "day": DAY,
        "until": DAY,
        "require": ["2.16.840.1.113883.3.1937.777.24.5.3.8"],
        "collected": "2.16.840.1.113883.3.1937.777.24.5.3.6",
        "consents": 3,
        "patients": {"deny": 1, "unknown": 1, "no consent": 1, "permit": 1},
        "pictures_refused": {"deny": 2, "no consent": 2, "unknown": 2},
    }
    check_share(found.refused, 8, 0.0, "intake")  # what is not permitted is no damage


def test_the_pool_is_that_of_a_manifest_without_the_patients_who_did_not_permit(folder):
    root, rows = folder
    with_all = pool(folder, *everybody("p3"))
    del rows[6:]
    without = pool((root, rows), *everybody())
    pd.testing.assert_frame_equal(with_all.table, without.table)
    assert all(
        np.array_equal(one, other)
        for one, other in zip(with_all.pictures[:], without.pictures[:], strict=True)
    )


def test_a_patient_is_judged_as_a_whole(folder):
    rows = folder[1]
    rows[0]["patient"], rows[0]["mrn"] = "old", "m0"
    rows[1]["mrn"] = "m0"  # p0 and old are one patient
    assert sorted(pool(folder, *everybody()).refused) == [1, 2]
    assert sorted(pool(folder, *everybody(), consent(deny(), patient="old")).refused) == [1, 2]
    assert not pool(folder, *everybody(), given("old")).refused
    rows[0]["patient"] = ""  # the other row names the patient
    assert not pool(folder, *everybody()).refused


def test_one_refusal_counts_for_all_who_share_a_picture(folder):
    root, _ = folder
    (root / "1.png").write_bytes((root / "2.png").read_bytes())
    refused = pool(folder, *everybody("p0"), consent(deny(), patient="p0")).refused
    assert refused == dict.fromkeys([1, 2, 3, 4], "consent: deny")


def test_a_row_that_is_not_wanted_may_deny(folder):
    rows = folder[1]
    rows[7] |= {"patient": "old", "mrn": "m3"}
    rows[6]["mrn"] = "m3"
    found = pool(
        folder, *everybody(), consent(deny(), patient="old"), row_filter="patient <> 'old'"
    )
    assert found.refused == {7: "consent: deny"}


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2023-12-31", "consent: the picture was taken outside the permitted days"),
        (
            "2025-06-14 bis 2019-01-01",
            "consent: the day of the picture is missing, or no full date",
        ),
        ("2025-0614", "consent: the day of the picture is missing, or no full date"),
        ("2025-06-14T99:99", "consent: the day of the picture is missing, or no full date"),
        ("2024-01-01", ""),
        ("20240101", ""),
        ("2024-01-01 10:20:00", ""),
        ("2029-01-02", "consent: the day of the picture lies in the future"),
        ("", "consent: the day of the picture is missing, or no full date"),
        ("2024", "consent: the day of the picture is missing, or no full date"),
        ("01.02.2025", "consent: the day of the picture is missing, or no full date"),
        ("2025-02-30", "consent: the day of the picture is missing, or no full date"),
    ],
)
def test_a_picture_must_have_been_taken_on_a_permitted_day(folder, day, reason):
    folder[1][0]["taken"] = day
    assert pool(folder, *everybody()).refused.get(1, "") == reason


def test_the_day_of_the_picture_may_be_left_unchecked(folder):
    folder[1][0]["taken"] = ""
    found = pool(folder, *everybody(), consent={"collected": None, "acquired_column": None})
    assert not found.refused


def test_nobody_permitting_stops_the_run(folder):
    with pytest.raises(AvatarflowError, match=r"no usable picture is left \(8 x consent: no"):
        pool(folder, given("p9"))


def test_a_last_day_of_use_that_is_past_stops_the_run(folder):
    with pytest.raises(AvatarflowError, match="last day of use is 2026-05-31"):
        pool(folder, *everybody(), consent={"until": "2026-05-31"})


def test_the_step_counts_and_notes_the_day(folder):
    root, rows = folder
    rows[0]["taken"] = "2026-07-01"  # from that day on, it may be let in
    pd.DataFrame(rows).to_csv(root / "m.csv", index=False)
    short = consent(permit(COLLECT), permit(period=("2024-01-01", "2026-07-15")), patient="p0")
    consents = files(root, *everybody("p0", "p1"), short)
    out = root / "out"
    inputs = listed(root, "m.csv", consents=consents)
    take_in(entry(), inputs, 1, 1, outputs(out), STEP)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["consent"]["patients"] == {"no consent": 1, "permit": 3}
    assert len(read_table(out / "pictures")) == 5
    record = json.loads((root / "day.json").read_text())
    assert record == {"day": DAY, "state": "s", "unchanged_before": "2026-07-01"}
    for path in [*out.rglob("*.json"), *out.rglob("*.csv"), root / "day.json"]:
        assert "p1" not in path.read_text()
    asked = entry()
    said = consent_section(asked, summary)
    assert said["checked"]
    assert "3 of 4 patients permit 2.16.840.1.113883.3.1937.777.24.5.3.8" in said["text"]
    assert said["text"].endswith("left out: 1 no consent")
    for change in ({"collected": None}, {"until": "2030-01-01"}):
        with pytest.raises(AvatarflowError, match="without the consents"):
            consent_section(asked | {"consent": asked["consent"] | change}, summary)
    with pytest.raises(AvatarflowError, match="without the consents"):
        consent_section(asked, {})


def test_a_release_without_consents_says_who_declares_them():
    asked = entry(consent={"files": [], "declared_by": "ethics vote 12-2025"})
    text = "consent: not checked here, declared by ethics vote 12-2025"
    assert consent_section(asked, {}) == {"checked": False, "text": text}
    asked["consent"]["declared_by"] = ""
    assert consent_section(asked, {})["text"] == "consent: not checked here, declared by nobody"
    asked["source"]["generate"] = {}
    assert "generated" in consent_section(asked, {})["text"]


@pytest.mark.parametrize(
    ("today", "state", "judged"),
    [
        ("2026-06-01", "s", "2026-06-01"),
        ("2026-06-29", "s", "2026-06-01"),
        ("2026-06-30", "s", "2026-06-30"),  # a decision may have changed
        ("2026-06-02", "another", "2026-06-02"),  # other files or settings
        ("2026-05-31", "s", "2026-05-31"),  # a clock that was wrong
    ],
)
def test_a_day_stays_in_force_until_a_decision_may_change(tmp_path, today, state, judged):
    record = tmp_path / "day.json"
    write_day(record, "s", "2026-06-01", "2026-06-30")
    assert day_to_judge(record, state, date.fromisoformat(today)) == judged


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"day": 5, "state": "s"}', "\xff"])
def test_a_record_that_says_nothing_is_no_record(tmp_path, text):
    (tmp_path / "day.json").write_text(text, encoding="latin-1")
    today = date(2026, 6, 2)
    assert day_to_judge(tmp_path / "day.json", "s", today) == "2026-06-02"
    assert day_to_judge(tmp_path / "none.json", "s", today) == "2026-06-02"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"require": ["8"]}, "8 is no policy code of the MII"),
        ({"require": ["2.16.840.1.113883.3.1937.777.24.5.3.1"]}, "is a heading"),
        ({"require": []}, "require"),
        ({"acquired_column": None}, "the day of the picture is not known"),
        ({"patient_column": "site"}, "stands not alone in patient_id_columns"),
        ({"until": "2026-6-1"}, "give a day as YYYY-MM-DD"),
        ({"declared_by": "me"}, "found beside files"),
        ({"declared_by": "a\nb", "files": []}, "line breaks or marks"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"files": ["{name}.json"]}, "braces in a path"),
    ],
)
def test_a_consent_section_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(AvatarflowError, match=message):
        entry(consent=changes)
