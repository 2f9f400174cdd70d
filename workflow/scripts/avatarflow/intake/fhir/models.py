"""The classes of `fhir.resources` that resources are checked against: those of FHIR R4B, which fit R4."""

from collections.abc import Mapping
from functools import cache
from typing import Any

KINDS = ("Condition", "Consent", "Patient")


@cache
def model(kind: str) -> Any:
    """Return the class of a kind of resource; loading them takes half a second, and most sets hold no FHIR."""
    from fhir.resources.R4B.condition import Condition
    from fhir.resources.R4B.consent import Consent
    from fhir.resources.R4B.patient import Patient

    return {"Condition": Condition, "Consent": Consent, "Patient": Patient}[kind]


def check(kind: str, content: Mapping[str, Any]) -> str:
    """Return why a resource does not fit FHIR R4, in words without a value of it; empty where it does.

    The classes check fields and types. They do not check value sets: a Consent of status "maybe" fits.
    """
    try:
        model(kind).model_validate(dict(content))
    except Exception:  # hostile content may raise anything, and the text may quote it
        return "it does not fit FHIR R4"
    return ""
