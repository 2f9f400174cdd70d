"""What a study protocol asks of its participants, as terms: FHIR ResearchStudy and the criteria of its Group."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from avatarflow.core.errors import Problems, noting
from avatarflow.intake.fhir.resources import Resource

from .definitions import Definitions, groups_of
from .search_parameters import NO, search_of
from .table import Term

COLUMNS = ("study", "item", "excluded", "code", "value", "terms", "selected_by")
CODED = ("CodeableConcept", "Coding", "code")


def study_rows(definitions: Definitions, terms: Sequence[Term]) -> list[dict[str, Any]]:
    """Return a row for each characteristic that a study asks for.

    A characteristic is matched by the codes of its value, or by its own where its value is none: to
    each element that is fixed to the code, or bound to a value set that holds it.

    Raises
    ------
    AvatarflowError
        If a study names no group or one that is not there, or a group is one of actual persons; all
        problems at once.
    """
    rows: list[dict[str, Any]] = []
    with Problems() as problems:
        for number, study in enumerate(definitions.studies, start=1):
            with noting(problems):
                groups = groups_of(study, definitions)
                for group in groups:
                    for found, do in _problems(group):
                        problems.add(group.where, found, do)
                    rows += _rows(number, group, terms)
                if not groups:
                    problems.add(
                        study.where, "it enrols no Group", "name the Group with its criteria"
                    )
    return rows


def _problems(group: Resource) -> Iterator[tuple[str, str]]:
    if group.content.get("actual") is not False or group.content.get("member"):
        yield "a Group of actual persons", "give the criteria only, with actual: false"
    if not group.content.get("characteristic"):
        yield "no characteristics", "give the criteria as characteristics"


def _rows(study: int, group: Resource, terms: Sequence[Term]) -> Iterator[dict[str, Any]]:
    for item, asked in enumerate(group.content.get("characteristic") or [], start=1):
        own = _codings(asked.get("code"))
        value = _codings(asked.get("valueCodeableConcept"))
        matched = [
            (term, coding) for coding in value or own for term in terms if _is_asked(term, coding)
        ]
        searches = [search_of(term.path, coding) for term, coding in matched]
        able = sorted({search for search in searches if not search.startswith(NO)})
        yield {
            "study": study,
            "item": item,
            "excluded": "yes" if asked.get("exclude") else "no",
            "code": ", ".join("|".join(one) for one in own),
            "value": ", ".join("|".join(one) for one in value) or _measure(asked),
            "terms": ", ".join(
                dict.fromkeys(f"{term.row['profile']}#{term.path}" for term, _ in matched)
            ),
            "selected_by": "; ".join(able) or _why_not(searches),
        }


def _why_not(searches: Sequence[str]) -> str:
    return searches[0] if searches else f"{NO}no term has this code"


def _is_asked(term: Term, coding: tuple[str, str]) -> bool:
    types = {one.partition("(")[0] for one in term.row["types"].split(" | ")}
    if not types & set(CODED):
        return False
    system, code = term.fixed
    if system and code:
        return coding == term.fixed
    return (system == coding[0] and not code) or term.codes.holds(*coding)


def _codings(concept: Any) -> list[tuple[str, str]]:
    found = (concept or {}).get("coding") or []
    return [(str(one.get("system") or ""), str(one.get("code") or "")) for one in found]


def _measure(asked: Mapping[str, Any]) -> str:
    """Return a value that is no code: a number with its unit, a range, a yes or no."""
    if "valueBoolean" in asked:
        return str(asked["valueBoolean"]).lower()
    if "valueQuantity" in asked:
        return _quantity(asked["valueQuantity"])
    ends = asked.get("valueRange") or {}
    return " to ".join(_quantity(ends.get(end) or {}) for end in ("low", "high")) if ends else ""


def _quantity(value: Mapping[str, Any]) -> str:
    shown = (value.get("comparator"), value.get("value"), value.get("code") or value.get("unit"))
    return " ".join(str(one) for one in shown if one is not None)
