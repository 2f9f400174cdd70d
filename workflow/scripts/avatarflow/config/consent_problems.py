"""What a schema cannot say of a consent section: known codes, real days, columns that are there."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from avatarflow.intake.consent.codes import HEADING_OF, KNOWN
from avatarflow.intake.fhir.uses import is_given

Problem = tuple[str, str, str]
MARKUP = frozenset("<>|`[]")
CODES = "docs/clinic.md names them"


def consent_problems(where: str, entry: dict[str, Any]) -> Iterator[Problem]:
    """Name what contradicts itself in `consent` of an entry."""
    if entry["withdrawn"] is not None and entry["source"]["generate"] is not None:
        yield f"{where}.withdrawn", "generated eyes have no patients", "take it out"
    asked, here = entry["consent"], f"{where}.consent"
    if not asked["declared_by"].isprintable() or set(asked["declared_by"]) & MARKUP:
        yield f"{here}.declared_by", "line breaks or marks", "write one plain line"
    if not is_given(asked):
        return
    if asked["declared_by"]:
        yield f"{here}.declared_by", "found beside files or a server", "take one of them out"
    if entry["source"]["generate"] is not None:
        yield f"{here}.files", "generated eyes have no patients", "take them out"
    yield from asked_problems(here, asked)
    if asked["collected"] is not None and not asked["acquired_column"]:
        yield (
            f"{here}.acquired_column",
            "the day of the picture is not known",
            "name its column, or set collected: null",
        )
    columns = [
        name
        for column in entry["patient_id_columns"]
        for name in ([column] if isinstance(column, str) else [])
    ]
    if asked["patient_column"] not in columns:
        yield (
            f"{here}.patient_column",
            f"'{asked['patient_column']}' stands not alone in patient_id_columns",
            "name one that does",
        )


def asked_problems(here: str, asked: dict[str, Any]) -> Iterator[Problem]:
    """Name policy codes that are none, and a last day that is none."""
    for code in [*asked["require"], *filter(None, [asked["collected"]])]:
        if code not in KNOWN:
            yield here, f"{code} is no policy code of the MII", CODES
        elif code not in HEADING_OF:
            yield here, f"{code} is a heading", f"name policies below it; {CODES}"
    if asked["until"] is not None and not _is_day(asked["until"]):
        yield f"{here}.until", f"found {asked['until']!r}", "give a day as YYYY-MM-DD"


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
