"""What a data-use request says: which data of which patients, what for, until when, and how they are protected.

It is plain values with a digest. Nothing in it says where data lie or who anybody is.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from avatarflow.config.consent_problems import MARKUP, asked_problems
from avatarflow.core.errors import Problems
from avatarflow.generators.families import FAMILIES
from avatarflow.intake.patients.persons import flat_columns
from avatarflow.intake.sources.labels import AGE, SEX
from avatarflow.intake.tables.filter_columns import absent_columns, names_column
from avatarflow.privacy.attacks.names import due
from avatarflow.release.dossier.attacks import ON_GENERATOR, RISKS
from avatarflow.release.gates.rules import RULES

FORMAT = "avatarflow data-use request 1"
KEYS = ("row_filter", "conditions", "constant_per_person", "size_px", "gates", "consent", "source")
CONSENT_KEYS = ("require", "collected", "purposes", "until")
CHOSEN_COLUMNS = re.compile(r"\bcolumns\s*\(|\*(?!\s*[\w(])", re.IGNORECASE)
"""What names columns in a filter without their names: `COLUMNS(...)` and a star that multiplies nothing."""
DICOM_ELEMENTS = {
    "issuer": "IssuerOfPatientID",
    "laterality": "ImageLaterality, Laterality",
    "sex": "PatientSex",
    "age_years": "PatientBirthDate, PatientAge",
    "acquired": "AcquisitionDateTime, AcquisitionDate",
    "device": "Manufacturer, ManufacturerModelName",
    "modality": "Modality",
}
FHIR_ELEMENTS = {SEX: "Patient.gender", AGE: "Patient.birthDate"}
DIAGNOSIS = "diagnosis_"
PATHS = re.compile(r"[/\\]")

Problem = tuple[str, str, str]


def request_of(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the request of one release.

    Parameters
    ----------
    name : str
        The release's name in the config.
    entry : dict
        Its entry in the checked config.

    Raises
    ------
    AvatarflowError
        If something is missing or would say who a patient is or where data lie; all problems at once.
    """
    with Problems() as problems:
        for line in request_problems(f"config releases.{name}", entry):
            problems.add(*line)
    own, release = entry["request"], entry["release"]
    content = {
        "format": FORMAT,
        "name": name,
        "title": own["title"] or release["title"] or name,
        "purpose": own["purpose"],
        "retention": own["retention"],
        "applicant": {"organisation": release["publisher"], "contact": release["contact"]},
        "asked": asked_of(entry),
        "elements": list(_elements(entry)),
        "techniques": _techniques(entry),
    }
    return content | {"digest": digest_of(content)}


def asked_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry asks of a site, as the keys of an entry.

    A site puts it over an entry of its own, which says where its data lie.
    """
    fhir = entry["source"]["fhir"]
    asked = {key: entry[key] for key in KEYS if key not in ("consent", "source")}
    asked["consent"] = {key: entry["consent"][key] for key in CONSENT_KEYS}
    asked["source"] = {"fhir": {"diagnoses": fhir["diagnoses"]}} if fhir else {}
    return asked


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a request without its own digest, blind to the order of keys."""
    plain = {key: value for key, value in content.items() if key != "digest"}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def request_problems(where: str, entry: dict[str, Any]) -> Iterator[Problem]:
    """Name what keeps an entry from being a request."""
    if entry["source"]["generate"] is not None:
        yield f"{where}.source", "generated eyes have no patients", "name manifest or dicom"
    own, here = entry["request"], f"{where}.request"
    if not own["purpose"]:
        yield f"{here}.purpose", "empty", "say in one line what the data are asked for"
    for key, text in own.items():
        if not text.isprintable() or set(text) & MARKUP:
            yield f"{here}.{key}", "line breaks or marks", "write one plain line"
    if entry["consent"]["until"] is None:
        found = "no last day of use"
        yield f"{where}.consent.until", found, "give it as YYYY-MM-DD; consent must reach to it"
    yield from asked_problems(f"{where}.consent", entry["consent"])
    yield from naming_problems(where, entry)
    yield from _path_problems(where, entry)


def naming_problems(where: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    """Name the columns that single out a patient or a file, and by which rows must not be asked for."""
    asked, do = entry["row_filter"], "ask by what patients have in common"
    for column in identifying_columns(entry):
        if names_column(asked, column):
            yield f"{where}.row_filter", f"it names '{column}', which says who somebody is", do
        for key in ("conditions", "constant_per_person"):
            if column in entry[key]:
                yield f"{where}.{key}", f"'{column}' says who somebody is", do
    if CHOSEN_COLUMNS.search(asked):
        yield f"{where}.row_filter", "it names columns without their names", "write their names"


def identifying_columns(entry: Mapping[str, Any]) -> list[str]:
    """Return the columns that say who a patient is, or which file a picture."""
    fhir = entry["source"]["fhir"]
    names = [
        *flat_columns(entry["patient_id_columns"]),
        *entry["eye_columns"],
        entry["consent"]["patient_column"],
        *([fhir["patient_column"]] if fhir else []),
        "file",
    ]
    return list(dict.fromkeys(names))


def _path_problems(where: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    """Name the texts of a request that hold a path of this machine."""
    source, release, own = entry["source"], entry["release"], entry["request"]
    paths = [source["manifest"], source["root"], source["dicom"], entry["withdrawn"]]
    paths += [*entry["consent"]["files"], *((source["fhir"] or {}).get("files", []))]
    said = {f"request.{key}": text for key, text in own.items()}
    said |= {f"release.{key}": release[key] for key in ("title", "publisher", "contact")}
    said["row_filter"] = entry["row_filter"]
    for key, text in said.items():
        if any(path and PATHS.search(path) and path in text for path in paths):
            yield f"{where}.{key}", "it holds a path of this machine", "take it out"


def _elements(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the columns that are asked for, what for, and where they come from."""
    uses: dict[str, list[str]] = {}
    acquired = entry["consent"]["acquired_column"] if entry["consent"]["collected"] else None
    for use, columns in (
        ("condition", entry["conditions"]),
        ("constant", entry["constant_per_person"]),
        ("filter", _filter_columns(entry)),
        ("day", [acquired] if acquired else []),
    ):
        for column in columns:
            uses.setdefault(column, []).append(use)
    for column, own in uses.items():
        yield {"column": column, "uses": own, "origin": _origin(column, entry["source"])}


def _filter_columns(entry: Mapping[str, Any]) -> list[str]:
    """Return the columns that the row filter names, as far as they can be told without the data."""
    expression, source = entry["row_filter"], entry["source"]
    if not expression.strip():
        return []
    known: Sequence[str] = [*entry["conditions"], *(DICOM_ELEMENTS if source["dicom"] else ())]
    if source["fhir"]:
        diagnoses = (f"{DIAGNOSIS}{name}" for name in source["fhir"]["diagnoses"])
        known = [*known, *FHIR_ELEMENTS, *diagnoses]
    named = [column for column in known if names_column(expression, column)]
    others = absent_columns(pd.DataFrame(columns=["file", *known]), expression)
    return list(dict.fromkeys([*named, *others]))


def _origin(column: str, source: Mapping[str, Any]) -> str:
    """Return the element of DICOM or FHIR behind a column; empty for a column of a manifest."""
    if source["fhir"]:
        if column in FHIR_ELEMENTS:
            return FHIR_ELEMENTS[column]
        if column.removeprefix(DIAGNOSIS) in source["fhir"]["diagnoses"]:
            return "Condition.code, Condition.bodySite"
    return DICOM_ELEMENTS.get(column, "") if source["dicom"] is not None else ""


def _techniques(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what protects patients: filter, attacks, and gates with their limits."""
    cone, gates = entry["cone"], entry["gates"]
    asked = due(FAMILIES[entry["generator"]["family"]].attacked_by)
    on_generator = (name for name in ON_GENERATOR if name in asked)
    return {
        "cone": {
            "mode": cone["mode"],
            "alpha": cone["alpha"] if cone["mode"] == "conformal" else None,
            "families": cone["families"],
        },
        "verifier": {"matcher": entry["verifier"]["matcher"]},
        "attacks": [*(name for names in RISKS.values() for name in names), *on_generator],
        "gates": [
            {"name": name, "direction": RULES[name].direction, "limit": gates[name]}
            for name in RULES
            if name in gates
        ],
    }
