"""Consents of invented patients, as gICS and the MII write them, for the tests of the gate."""

import copy
import json

SYSTEM = "urn:oid:2.16.840.1.113883.3.1937.777.24.5.3"
COLLECT, STORE, USE = (f"2.16.840.1.113883.3.1937.777.24.5.3.{n}" for n in (6, 7, 8))
HEADING = "2.16.840.1.113883.3.1937.777.24.5.3.1"
LONG = ("2024-01-01", "2054-01-01")


def concept(*codes, system=SYSTEM):
    return {"coding": [{"system": system, "code": code, "display": "any"} for code in codes]}


def provision(kind, code=USE, period=LONG, system=SYSTEM, **more):
    found = {"type": kind, **more}
    if code:
        found["code"] = [concept(code, system=system)]
    if period:
        found["period"] = dict(zip(("start", "end"), period, strict=True))
        found["period"] = {name: day for name, day in found["period"].items() if day}
    return found


def permit(code=USE, period=LONG, **more):
    return provision("permit", code, period, **more)


def deny(code=USE, period=LONG, **more):
    return provision("deny", code, period, **more)


def consent(*provisions, patient="p1", status="active", root=None, **changes):
    """A broad consent; a change of None takes the element out."""
    found = {
        "resourceType": "Consent",
        "status": status,
        "scope": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}
            ]
        },
        "category": [{"coding": [{"system": "http://loinc.org", "code": "57016-8"}]}],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": "2024-01-01T12:00:00+01:00",
        "policy": [{"uri": "urn:oid:2.16.840.1.113883.3.1937.777.24.2.1791"}],
        "provision": {
            "type": "deny",
            "period": {"start": LONG[0], "end": LONG[1]},
            "provision": [copy.deepcopy(each) for each in provisions],
            **(root or {}),
        },
        **changes,
    }
    if not provisions and found["provision"]:
        del found["provision"]["provision"]
    return {name: value for name, value in found.items() if value is not None}


def given(patient="p1", **more):
    """A consent that permits collecting and use."""
    return consent(permit(COLLECT, ("2024-01-01", "2029-01-01")), permit(), patient=patient, **more)


def template(code):
    return {
        "category": [
            {
                "coding": [
                    {
                        "system": "http://fhir.de/ConsentManagement/CodeSystem/TemplateType",
                        "code": code,
                    }
                ]
            }
        ]
    }


def write(path, *resources):
    """One NDJSON file."""
    path.write_text("".join(json.dumps(each) + "\n" for each in resources), encoding="utf-8")
    return str(path)
