"""A requester's configuration and a site with known patients, for the tests of requests and answers.

Identifiers, file names and paths are canaries: none of them may stand in anything that is written.
"""

import copy
import json

import pandas as pd

DAY, UNTIL = "2026-06-01", "2052-12-31"
CANARY = "ZZCANARY"
SYSTEM = "urn:oid:2.16.840.1.113883.3.1937.777.24.5.3"
COLLECT, USE = (f"2.16.840.1.113883.3.1937.777.24.5.3.{n}" for n in (6, 8))

REQUESTER = {
    "releases": {
        "eyes": {
            "source": {
                "dicom": f"/home/{CANARY}/archive",
                "fhir": {
                    "files": [f"/home/{CANARY}/Patient.ndjson"],
                    "diagnoses": {"amd": ["http://fhir.de/CodeSystem/bfarm/icd-10-gm|H35.3"]},
                },
            },
            "patient_id_columns": [["issuer", "patient_id"], "patient_id"],
            "conditions": {"sex": ["female", "male"], "laterality": ["left", "right"]},
            "constant_per_person": ["sex"],
            "row_filter": "age_years >= 50 AND diagnosis_amd = 'recorded'",
            "size_px": 64,
            "consent": {
                "files": [f"/home/{CANARY}/Consent.ndjson"],
                "acquired_column": "acquired",
                "purposes": ["HRESCH"],
                "until": UNTIL,
            },
            "withdrawn": f"/home/{CANARY}/withdrawn.csv",
            "request": {"title": "Avatars of eyes", "purpose": "Pictures to teach with"},
            "release": {"publisher": "University of Nowhere", "contact": "data@example.org"},
            "gates": {"specificity": 0.6, "attack_auc": 0.65},
        }
    }
}


def requester(**changes):
    """The requester's configuration with changes of the entry."""
    config = copy.deepcopy(REQUESTER)
    entry = config["releases"]["eyes"]
    for path, value in changes.items():
        *parts, last = path.split("__")
        place = entry
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = value
    return config


def asking(**changes):
    """A requester who asks a site with a manifest, by sex and side."""
    entry = {
        "source": {"manifest": "m.csv", "root": "."},
        "patient_id_columns": ["patient"],
        "conditions": {"sex": ["female", "male"], "side": ["left", "right"]},
        "row_filter": "age >= 50",
        "consent": {"until": UNTIL, "collected": None},
        "request": {"purpose": "Pictures to teach with"},
        "gates": {},
    }
    return {"releases": {"eyes": entry | changes}}


def consent(patient, kind="permit", end="2053-12-31", status="active"):
    codes = [
        {
            "type": kind,
            "period": {"start": "2024-01-01", "end": end},
            "code": [{"coding": [{"system": SYSTEM, "code": code}]}],
        }
        for code in (COLLECT, USE)
    ]
    scope = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}
    return {
        "resourceType": "Consent",
        "status": status,
        "scope": {"coding": [scope]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "57016-8"}]}],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": "2024-01-01",
        "policy": [{"uri": "urn:oid:2.16.840.1.113883.3.1937.777.24.2.1791"}],
        "provision": {"type": "deny", "provision": codes},
    }


def site(folder, patients):
    """Write a site's manifest and consents, and return its configuration.

    `patients` are (sex, sides, age, consent or None) each; no picture is there at all.
    """
    rows, consents = [], []
    for number, (sex, sides, age, given) in enumerate(patients):
        own = f"{CANARY}-{number}"
        rows += [
            {"file": f"{own}-{side}.png", "patient": own, "sex": sex, "side": side, "age": age}
            for side in sides
        ]
        consents += [consent(own, **given)] if given is not None else []
    root = folder / CANARY
    root.mkdir()
    pd.DataFrame(rows).to_csv(root / "m.csv", index=False)
    text = "".join(json.dumps(one) + "\n" for one in consents)
    (root / "c.ndjson").write_text(text, encoding="utf-8")
    entry = {
        "source": {"manifest": str(root / "m.csv"), "root": str(root)},
        "patient_id_columns": ["patient"],
        "consent": {"files": [str(root / "c.ndjson")], "patient_column": "patient"},
        "gates": {},
    }
    return {"releases": {"eyes": entry}}
