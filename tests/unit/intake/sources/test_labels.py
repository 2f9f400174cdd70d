"""Labels from FHIR: sex, age and diagnoses by side, joined over the patient; nothing is guessed."""

import json

import pandas as pd
import pytest

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.sources.labels import KBV_SIDE, join_labels
from avatarflow.intake.tables.manifest import ODDITIES, read_manifest

ICD = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
SNOMED = "http://snomed.info/sct"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
RIGHT, LEFT, EYES = "18944008", "8966001", "40638003"
DIAGNOSES = {"amd": [f"{ICD}|H35.3", f"{SNOMED}|267718000"], "glaucoma": [f"{ICD}|H40"]}


def patient(own="p1", value="M1", **more):
    identifier = [{"system": "urn:mrn", "value": value}]
    found = {"resourceType": "Patient", "id": own, "identifier": identifier}
    return found | {"gender": "female", "birthDate": "1960-06-15"} | more


def condition(code="H35.31", system=ICD, site=None, subject="Patient/p1", side=None, **more):
    coding = {"system": system, "code": code}
    if side:
        coding["extension"] = [{"url": KBV_SIDE, "valueCoding": {"code": side}}]
    found = {
        "resourceType": "Condition",
        "subject": {"reference": subject},
        "code": {"coding": [coding]},
    }
    if site:
        found["bodySite"] = [{"coding": [{"system": SNOMED, "code": site}]}]
    return found | more


def verified(code):
    return {"verificationStatus": {"coding": [{"system": VERIFICATION, "code": code}]}}


def labels(tmp_path, *resources, side="right", day="2025-06-14", mrn="M1"):
    pd.DataFrame([{"file": "a", "mrn": mrn, "side": side, "taken": day}]).to_csv(
        tmp_path / "m.csv", index=False
    )
    path = tmp_path / "f.ndjson"
    path.write_text("\n".join(map(json.dumps, resources)))
    fhir = {
        "files": [str(path)],
        "patient_column": "mrn",
        "identifier_system": "urn:mrn",
        "acquired_column": "taken",
        "laterality_column": "side",
        "diagnoses": DIAGNOSES,
    }
    source = {"manifest": "m.csv", "root": ".", "fhir": fhir}
    entry = load({"releases": {"x": {"source": source, "gates": {}}}})["releases"]["x"]
    rows = read_manifest(tmp_path / "m.csv", ["mrn"])
    return join_labels(rows, entry["source"]["fhir"], [str(path)])


def test_labels_are_joined_over_the_identifier(tmp_path):
    found = labels(tmp_path, patient(), condition())
    assert found.iloc[0].to_dict() == {
        "row": 1,
        "file": "a",
        "mrn": "M1",
        "side": "right",
        "taken": "2025-06-14",
        "fhir_sex": "female",
        "fhir_age_years": "64",
        "diagnosis_amd": None,  # the side is not known
        "diagnosis_glaucoma": "not_recorded",
    }


CASES = {
    "this eye": ([condition(site=RIGHT)], "recorded"),
    "the other eye": ([condition(site=LEFT)], "not_recorded"),
    "both eyes": ([condition(site=EYES)], "recorded"),
    "one of each": ([condition(site=LEFT), condition(site=RIGHT)], "recorded"),
    "another site": ([condition(site="123")], None),
    "German mark": ([condition(side="R")], "recorded"),
    "German mark of the other": ([condition(side="L")], "not_recorded"),
    "mark against site": ([condition(side="L", site=RIGHT)], None),
    "unknown mark": ([condition(side="X")], None),
    "exact code": ([condition("H35.3", site=RIGHT)], "recorded"),
    "another code": ([condition("H36.0", site=RIGHT)], "not_recorded"),
    "a code without a dot stands for itself": ([condition("H35", site=RIGHT)], "not_recorded"),
    "SNOMED": ([condition("267718000", SNOMED, RIGHT)], "recorded"),
    "code of another system": ([condition("H35.3", "urn:x", RIGHT)], "not_recorded"),
    "confirmed": ([condition(site=RIGHT, **verified("confirmed"))], "recorded"),
    "refuted": ([condition(site=RIGHT, **verified("refuted"))], "not_recorded"),
    "entered in error": ([condition(site=RIGHT, **verified("entered-in-error"))], "not_recorded"),
    "suspected": ([condition(site=RIGHT, **verified("provisional"))], "not_recorded"),
    "none": ([], "not_recorded"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_diagnosis_is_of_the_eye_that_the_picture_shows(tmp_path, case):
    resources, value = CASES[case]
    found = labels(tmp_path, patient(), *resources)
    assert found["diagnosis_amd"].iloc[0] == value


@pytest.mark.parametrize(
    ("changes", "row", "sex", "age"),
    [
        ({"gender": "unknown"}, {}, None, "64"),
        ({"birthDate": "1960"}, {}, "female", None),
        ({"birthDate": "1840-01-01"}, {}, "female", None),
        ({}, {"day": "2025-06-15"}, "female", "65"),
        ({}, {"day": "2025-06"}, "female", None),
        ({}, {"day": "1950-01-01"}, "female", None),
        ({}, {"mrn": "m1"}, None, None),
    ],
)
def test_sex_and_age_are_not_guessed(tmp_path, changes, row, sex, age):
    found = labels(tmp_path, patient(**changes), **row)
    assert found[["fhir_sex", "fhir_age_years"]].iloc[0].tolist() == [sex, age]


def test_records_of_one_patient_that_differ_say_nothing(tmp_path):
    found = labels(tmp_path, patient(), patient("p2", gender="male", birthDate="1970-01-01"))
    assert found[["fhir_sex", "fhir_age_years"]].iloc[0].tolist() == [None, None]
    assert not found.attrs[ODDITIES]


def test_rows_without_a_patient_are_counted(tmp_path):
    odd = labels(tmp_path, patient(), mrn="M9").attrs[ODDITIES]
    assert odd == ["1 rows have no patient in the FHIR files, or nothing is known there"]


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (condition(subject="Patient/p9"), "FHIR file 1, Condition 1: a reference to a patient who"),
        (condition(subject="Group/p1"), "FHIR file 1, Condition 1: a reference to a patient who"),
        (condition(**verified("maybe")), "Condition 1: a verification status that FHIR R4 does"),
        (condition(colour="red"), "Condition 1: it does not fit FHIR R4"),
        (condition(modifierExtension=[{"url": "u", "valueBoolean": True}]), "changes its meaning"),
        (
            condition(evidence=[{"modifierExtension": [{"url": "u", "valueBoolean": True}]}]),
            "changes its meaning",
        ),
        (
            patient("p2", "M2", modifierExtension=[{"url": "u", "valueBoolean": True}]),
            "Patient 2: an extension that changes its meaning",
        ),
        (
            patient("p2", "M2", gender="F"),
            "FHIR file 1, Patient 2: a gender that FHIR R4 does not have",
        ),
        (patient("p2", "M2", pet="dog"), "Patient 2: it does not fit FHIR R4"),
    ],
)
def test_what_fhir_does_not_allow_stops_the_run_without_an_identifier(tmp_path, resource, message):
    with pytest.raises(AvatarflowError, match=message) as error:
        labels(tmp_path, patient(), resource)
    assert not any(name in str(error.value) for name in ("p9", "M1", "M2", "p2"))


def test_a_column_of_a_label_that_is_there_already_is_refused(tmp_path):
    rows = pd.DataFrame({"row": [1], "fhir_sex": ["f"], "mrn": ["M1"]})
    with pytest.raises(AvatarflowError, match="a column is called 'fhir_sex'"):
        join_labels(rows, {"diagnoses": {}}, [])
