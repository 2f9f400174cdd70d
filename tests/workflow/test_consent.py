"""DICOM files, labels and consents in a run: each of them is an input, and so is the day; nothing names a patient."""

import json
import os

import dicom_files
import pandas as pd
import yaml
from consents import given, write

import project
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import read_table

PERSONS = 44
POOL = "results/releases/tiny/pool"
TARGET = f"{POOL}/summary.json"
RECORD = "results/releases/tiny/consent_day.json"
SIDES = {"right": "R", "left": "L"}
SYSTEM = "urn:hospital"


def patient_id(person):
    return f"{project.CANARY}-{person:03d}"


def prepare(folder):
    """Pictures as DICOM, sex as FHIR, consents of all patients; every identifier holds a canary."""
    identities = list(range(2 * PERSONS))
    pictures, table = draw_eyes("fundus", identities, [0] * len(identities), 48, 11)
    for number, (picture, eye) in enumerate(zip(pictures, table.itertuples(), strict=True)):
        name = f"{project.CANARY}-{number}.dcm"
        dicom_files.write(
            folder / "data/dicom" / name,
            picture,
            PatientID=patient_id(eye.person),
            PatientName=f"{project.CANARY}^Name",
            PatientSex="",
            ImageLaterality=SIDES[eye.eye_side],
            StudyDescription=project.CANARY,
        )
    people = table.drop_duplicates("person")
    labels = [
        {
            "resourceType": "Patient",
            "id": f"{project.CANARY}-id-{eye.person}",
            "identifier": [{"system": SYSTEM, "value": patient_id(eye.person)}],
            "gender": eye.sex,
        }
        for eye in people.itertuples()
    ]
    write(folder / "data/patients.ndjson", *labels)
    consents = [given(f"{project.CANARY}-id-{person}") for person in people["person"]]
    write(folder / "data/consents.ndjson", *consents)
    fhir = {"files": ["data/patients.ndjson"], "identifier_system": SYSTEM}
    config = project.release_config(
        releases__tiny__source={"dicom": "data/dicom", "fhir": fhir},
        releases__tiny__patient_id_columns=["patient_id"],
        releases__tiny__row_filter="laterality <> 'both'",
        releases__tiny__conditions={
            "fhir_sex": ["female", "male"],
            "laterality": ["left", "right"],
        },
        releases__tiny__constant_per_person=["fhir_sex"],
        releases__tiny__augment={"copies": 1},
        releases__tiny__consent={
            "files": ["data/consents.ndjson", "data/patients.ndjson"],
            "identifier_system": SYSTEM,
            "acquired_column": "acquired",
        },
    )
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return consents


def test_pictures_labels_and_consents_of_a_clinic_make_a_pool(tmp_path):
    folder = tmp_path / "run"
    consents = prepare(folder)
    consents[0] |= {"status": "inactive"}
    path = folder / "data/consents.ndjson"
    write(path, *consents)
    project.run(folder, TARGET)
    summary = json.loads((folder / TARGET).read_text())
    assert summary["consent"]["patients"] == {"inactive": 1, "permit": PERSONS - 1}
    pool = read_table(folder / POOL / "pictures")
    assert len(pool) == 2 * (PERSONS - 1)
    assert pool["person"].nunique() == PERSONS - 1
    assert set(pool["fhir_sex"]) == {"female", "male"}
    refused = pd.read_csv(folder / "results/releases/tiny/refused.csv")
    assert list(refused["reason"]) == ["consent: inactive"] * 2
    assert set(refused["manifest"]) == {"dicom"}
    for made in [*(folder / "results").rglob("*"), *(folder / "logs").rglob("*")]:
        if made.is_file():
            assert project.CANARY.encode() not in made.read_bytes(), made
    assert project.planned(folder, TARGET) == set()

    record = json.loads((folder / RECORD).read_text())
    assert record["day"] == summary["consent"]["day"]
    # as if consents had been judged for another day, from which on nothing changes
    other = {**record, "day": "2024-06-01", "unchanged_before": None}
    (folder / RECORD).write_text(json.dumps(other))
    assert project.planned(folder, TARGET) == {"intake"}
    (folder / RECORD).write_text(json.dumps(record))

    times = path.stat()
    write(path, consents[0], consents[1] | {"status": "maybe"}, *consents[2:])
    os.utime(path, (times.st_atime, times.st_mtime - 1000))  # restored with an older date
    assert project.planned(folder, TARGET) == {"intake"}
