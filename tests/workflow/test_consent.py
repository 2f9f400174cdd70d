"""Consents in a run: changed ones and the day on which one ends make the pool again; nothing names a patient."""

import json
import os

import pandas as pd
from consents import given, write

import project
from avatarflow.imaging.shards import read_table

TARGET = "results/releases/tiny/pool/summary.json"
RECORD = "results/releases/tiny/consent_day.json"


def test_consents_are_an_input_and_so_is_the_day(tmp_path):
    asked = {"files": ["data/consents.ndjson"], "collected": None}
    folder = project.prepare(tmp_path / "run", releases__tiny__consent=asked)
    patients = sorted(set(pd.read_csv(folder / "data/manifest.csv")["patient_id"]))
    resources = {patient: given(patient) for patient in patients}
    resources[patients[0]] |= {"status": "inactive"}
    consents = folder / "data/consents.ndjson"
    write(consents, *resources.values())
    project.run(folder, TARGET)
    summary = json.loads((folder / TARGET).read_text())
    assert summary["consent"]["patients"] == {"inactive": 1, "permit": len(patients) - 1}
    pool = read_table(folder / "results/releases/tiny/pool/pictures")
    refused = pd.read_csv(folder / "results/releases/tiny/refused.csv")
    assert set(refused["reason"]) == {"consent: inactive"}
    assert not set(refused["row"]) & set(pool["row"])
    for path in [*(folder / "results").rglob("*"), *(folder / "logs").rglob("*")]:
        if path.is_file():
            assert project.CANARY.encode() not in path.read_bytes()
    assert project.planned(folder, TARGET) == set()

    record = json.loads((folder / RECORD).read_text())
    assert record["day"] == summary["consent"]["day"]
    # as if consents had been judged for another day, from which on nothing changes
    other = {**record, "day": "2024-06-01", "unchanged_before": None}
    (folder / RECORD).write_text(json.dumps(other))
    assert project.planned(folder, TARGET) == {"intake"}
    (folder / RECORD).write_text(json.dumps(record))

    times = consents.stat()
    write(consents, *(resources | {patients[1]: given(patients[1], status="maybe")}).values())
    os.utime(consents, (times.st_atime, times.st_mtime - 1000))  # restored with an older date
    assert project.planned(folder, TARGET) == {"intake"}
