"""Labels from FHIR: sex, age and diagnoses, joined to the rows of another source over the patient's identifier."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from avatarflow.core.errors import problem, refuse
from avatarflow.intake.tables.manifest import ODDITIES

from ..fhir.database import Database
from ..fhir.days import day_of
from ..fhir.models import changed_meaning
from ..fhir.people import DO_CORRECT, People
from ..fhir.resources import Resource, read_resources
from .dicom import OLDEST, years_between

WHAT = "FHIR file"
SEX, AGE = "fhir_sex", "fhir_age_years"
RECORDED, NOT_RECORDED = "recorded", "not_recorded"
GENDERS = {"male": "male", "female": "female", "other": "other", "unknown": ""}
NOT_DIAGNOSED = {"refuted", "entered-in-error", "unconfirmed", "provisional", "differential"}
DIAGNOSED = {"confirmed"}
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
SNOMED = "http://snomed.info/sct"
EYES = {
    "18944008": {"right"},  # right eye structure
    "8966001": {"left"},  # left eye structure
    "40638003": {"left", "right"},  # structure of both eyes
}
KBV_SIDE = "http://fhir.de/StructureDefinition/seitenlokalisation"
KBV_SIDES = {"R": {"right"}, "L": {"left"}, "B": {"left", "right"}}
BOTH = frozenset({"left", "right"})
TABLES = """
CREATE TABLE condition (number INTEGER PRIMARY KEY, place, subject, diagnosed);
CREATE TABLE diagnosis (near INTEGER, name, side, PRIMARY KEY (near, name, side)) WITHOUT ROWID
"""
"""`near` as in `people.Named`."""


@dataclass
class Known:
    """What FHIR says of one patient."""

    sexes: set[str] = field(default_factory=set)
    births: set[str] = field(default_factory=set)
    diagnoses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Sides by name of the diagnosis; an empty text where the side is not known."""


class KnownPatients:
    """What FHIR says of all patients, on disk: it is read for one patient at a time."""

    def __init__(self, people: People) -> None:
        self._people = people

    def of(self, value: str) -> Known | None:
        """Return what is known of the patient with an identifier; None where nothing is."""
        near, known = self._people.near_of(value), Known()
        persons = [] if near is None else list(self._people.persons(near))
        statement = "SELECT name, side FROM diagnosis WHERE near = ?"
        diagnosed = list(self._people.database.rows(statement, near))
        for gender, born in persons:
            known.sexes |= {GENDERS.get(str(gender), "")} - {""}
            known.births |= set() if born is None else {born}
        for name, side in diagnosed:
            known.diagnoses[name].add(side)
        return known if persons or diagnosed else None


def label_columns(settings: Mapping[str, Any]) -> list[str]:
    """Return the columns that `source.fhir` of an entry adds."""
    return [SEX, AGE, *(f"diagnosis_{name}" for name in settings["diagnoses"])]


def join_labels(
    rows: pd.DataFrame, settings: Mapping[str, Any], paths: Sequence[str], folder: str | None = None
) -> pd.DataFrame:
    """Add the labels to the rows of a source.

    Parameters
    ----------
    rows : DataFrame
        As from a `Source`.
    settings : mapping
        `source.fhir` of an entry.
    paths : list of str
        The files.
    folder : str, optional
        As for `Database`.

    Raises
    ------
    AvatarflowError
        For files that cannot be read, resources that do not fit FHIR R4 or have values that it
        does not have, and references to patients who are not there; all problems at once.
    """
    if taken := sorted(set(label_columns(settings)) & set(rows.columns)):
        raise refuse("config source.fhir", f"a column is called '{taken[0]}'", "rename it")
    known = read_known(paths, settings, folder)
    days = rows[settings["acquired_column"]] if settings["acquired_column"] else None
    sides = rows[settings["laterality_column"]] if settings["laterality_column"] else None
    cells = []
    for place, patient in enumerate(rows[settings["patient_column"]]):
        said = known.of(patient.strip()) if isinstance(patient, str) else None
        day = None if days is None else days.iloc[place]
        side = None if sides is None else sides.iloc[place]
        cells.append(_cells(said, settings["diagnoses"], day, side))
    joined = rows.assign(**pd.DataFrame(cells, index=rows.index, dtype=object))
    joined = joined.astype(object).where(joined.notna(), None)
    joined["row"] = rows["row"]
    joined.attrs = dict(rows.attrs)
    unknown = sum(all(value is None for value in cell.values()) for cell in cells)
    if unknown:
        odd = f"{unknown} rows have no patient in the FHIR files, or nothing is known there"
        joined.attrs[ODDITIES] = [*rows.attrs[ODDITIES], odd]
    return joined


def read_known(
    paths: Sequence[str], settings: Mapping[str, Any], folder: str | None = None
) -> KnownPatients:
    """Read what is known of each patient."""
    database = Database(folder)
    people = People(database, settings["identifier_system"])
    database.tables(TABLES)
    for resource in read_resources(paths, ("Patient", "Condition"), WHAT):
        if resource.kind == "Patient":
            people.add(resource)
            if resource.content.get("gender", "unknown") not in GENDERS:
                unknown = "a gender that FHIR R4 does not have"
                people.problems.append(problem(resource.where, unknown, DO_CORRECT))
        else:
            slim = _slim(resource, settings["diagnoses"], people)
            statement = "INSERT INTO condition (place, subject, diagnosed) VALUES (?, ?, ?)"
            database.run(statement, *slim)
    people.close()
    for own in people.ids():
        people.whom({"reference": f"Patient/{own}"}, "Patient")
    for where, subject, diagnosed in database.rows(
        "SELECT place, subject, diagnosed FROM condition ORDER BY number"
    ):
        near = people.whom(json.loads(subject), where).near
        for name, sides in json.loads(diagnosed).items():
            for side in sides:
                database.run("INSERT OR IGNORE INTO diagnosis VALUES (?, ?, ?)", near, name, side)
    people.refuse_problems()
    database.end()
    return KnownPatients(people)


def _slim(
    resource: Resource, diagnoses: Mapping[str, Sequence[str]], people: People
) -> tuple[str, str, str]:
    """Return place, subject and the asked diagnoses with their sides, the latter as JSON: all that is kept."""
    content = resource.content
    diagnosed: dict[str, list[str]] = {}
    if resource.problem:
        people.problems.append(problem(resource.where, resource.problem, DO_CORRECT))
    elif changed := changed_meaning(content):
        people.problems.append(problem(resource.where, changed, DO_CORRECT))
    elif (stated := _is_diagnosed(content)) is None:
        unknown = "a verification status that FHIR R4 does not have"
        people.problems.append(problem(resource.where, unknown, DO_CORRECT))
    elif stated:
        codings = (content.get("code") or {}).get("coding", [])
        for name, codes in diagnoses.items():
            if matching := [coding for coding in codings if _is_one_of(coding, codes)]:
                diagnosed[name] = sorted(_sides(content, matching) or {""})
    return resource.where, json.dumps(content.get("subject")), json.dumps(diagnosed)


def _is_diagnosed(content: Mapping[str, Any]) -> bool | None:
    status = content.get("verificationStatus")
    if status is None:
        return True
    codes = {
        coding.get("code")
        for coding in status.get("coding", [])
        if coding.get("system") == VERIFICATION
    }
    if not codes or codes - NOT_DIAGNOSED - DIAGNOSED:
        return None
    return codes <= DIAGNOSED


def _is_one_of(coding: Mapping[str, Any], codes: Sequence[str]) -> bool:
    """Whether a coding is one of those asked for, `system|code`; a code with a dot stands for those below it."""
    for asked in codes:
        system, _, code = asked.rpartition("|")
        own = str(coding.get("code") or "")
        below = "." in code and own.startswith(code)
        if coding.get("system") == system and (own == code or below):
            return True
    return False


def _sides(content: Mapping[str, Any], codings: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the eyes that a diagnosis is of, by SNOMED body site or the German mark of the side; empty if unknown."""
    sides: set[str] = set()
    for site in content.get("bodySite", []):
        known = [
            EYES[coding["code"]]
            for coding in site.get("coding", [])
            if coding.get("system") == SNOMED and coding.get("code") in EYES
        ]
        if not known:
            return set()
        sides = sides.union(*known)
    for coding in codings:
        for extension in coding.get("extension", []):
            if extension.get("url") == KBV_SIDE:
                code = (extension.get("valueCoding") or {}).get("code")
                marked = KBV_SIDES.get(str(code), set())
                if not marked or (sides and sides != marked):
                    return set()
                sides = marked
    return sides


def _cells(
    known: Known | None, diagnoses: Mapping[str, Any], acquired: Any, side: Any
) -> dict[str, str | None]:
    """Return the labels of one picture; None for what is not known or contradicts itself."""
    if known is None:
        return dict.fromkeys([SEX, AGE, *(f"diagnosis_{name}" for name in diagnoses)])
    cells: dict[str, str | None] = {
        SEX: next(iter(known.sexes)) if len(known.sexes) == 1 else None,
        AGE: _age(known.births, acquired),
    }
    for name in diagnoses:
        cells[f"diagnosis_{name}"] = _diagnosis(known.diagnoses.get(name, set()), side)
    return cells


def _age(births: set[str], acquired: Any) -> str | None:
    """Return whole years on the day of the picture; None without two full dates."""
    born = day_of(next(iter(births))) if len(births) == 1 else None
    day = day_of(str(acquired)[:10]) if acquired else None
    if born is None or day is None or day < born:
        return None
    years = years_between(date.fromordinal(born), date.fromordinal(day))
    return str(years) if years <= OLDEST else None


def _diagnosis(sides: set[str], side: Any) -> str | None:
    """Say whether a diagnosis is recorded for the eye that a picture shows; None where the side is not known."""
    if not sides:
        return NOT_RECORDED
    if side in sides or sides - {""} == BOTH:
        return RECORDED
    if "" in sides or side not in BOTH:
        return None
    return NOT_RECORDED
