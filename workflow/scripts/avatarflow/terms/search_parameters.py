"""By which search of `fhir_servers` an element can be asked for: parameters of FHIR R4, for the kinds that are read.

Source: hl7.org/fhir/R4/searchparameter-registry.html, resources Patient, Condition and Consent.
"""

from typing import Any

LABELS, CONSENTS = ("Patient", "Condition"), ("Consent", "Patient")
"""The kinds that `searches` of labels and of consents may name."""
TOKEN, CODED = ("coding", "coding.system", "coding.code"), ("system", "code")
NAMED, PERIOD, OTHER = ("system", "value"), ("start", "end"), ()
WITH_SYSTEM = (TOKEN, CODED, NAMED)
"""Of the parameters: what below their element they look at. Those of the first three take `system|code`."""
SPECIAL = str.maketrans({mark: f"\\{mark}" for mark in "\\,$|"})
Parameters = dict[str, tuple[str, tuple[str, ...]]]
PARAMETERS: dict[str, Parameters] = {
    "Patient": {
        "id": ("_id", OTHER),
        "identifier": ("identifier", NAMED),
        "active": ("active", OTHER),
        "name": ("name", ("text", "prefix", "suffix")),
        "name.family": ("family", OTHER),
        "name.given": ("given", OTHER),
        "telecom": ("telecom", OTHER),
        "gender": ("gender", OTHER),
        "birthDate": ("birthdate", OTHER),
        "deceased[x]": ("deceased", OTHER),
        "deceasedDateTime": ("death-date", OTHER),
        "address": ("address", ("text", "line", "district")),
        "address.use": ("address-use", OTHER),
        "address.city": ("address-city", OTHER),
        "address.state": ("address-state", OTHER),
        "address.country": ("address-country", OTHER),
        "address.postalCode": ("address-postalcode", OTHER),
        "communication.language": ("language", TOKEN),
        "generalPractitioner": ("general-practitioner", ("reference",)),
        "managingOrganization": ("organization", ("reference",)),
        "link.other": ("link", ("reference",)),
    },
    "Condition": {
        "id": ("_id", OTHER),
        "identifier": ("identifier", NAMED),
        "clinicalStatus": ("clinical-status", TOKEN),
        "verificationStatus": ("verification-status", TOKEN),
        "category": ("category", TOKEN),
        "severity": ("severity", TOKEN),
        "code": ("code", TOKEN),
        "bodySite": ("body-site", TOKEN),
        "subject": ("subject", ("reference",)),
        "encounter": ("encounter", ("reference",)),
        "onsetDateTime": ("onset-date", OTHER),
        "onsetPeriod": ("onset-date", PERIOD),
        "onsetAge": ("onset-age", OTHER),
        "onsetString": ("onset-info", OTHER),
        "abatementDateTime": ("abatement-date", OTHER),
        "abatementPeriod": ("abatement-date", PERIOD),
        "abatementAge": ("abatement-age", OTHER),
        "abatementString": ("abatement-string", OTHER),
        "recordedDate": ("recorded-date", OTHER),
        "asserter": ("asserter", ("reference",)),
        "stage.summary": ("stage", TOKEN),
        "evidence.code": ("evidence", TOKEN),
        "evidence.detail": ("evidence-detail", ("reference",)),
    },
    "Consent": {
        "id": ("_id", OTHER),
        "identifier": ("identifier", NAMED),
        "status": ("status", OTHER),
        "scope": ("scope", TOKEN),
        "category": ("category", TOKEN),
        "patient": ("patient", ("reference",)),
        "dateTime": ("date", OTHER),
        "performer": ("consentor", ("reference",)),
        "organization": ("organization", ("reference",)),
        "sourceReference": ("source-reference", ("reference",)),
        "provision.period": ("period", PERIOD),
        "provision.actor.reference": ("actor", ("reference",)),
        "provision.action": ("action", TOKEN),
        "provision.securityLabel": ("security-label", CODED),
        "provision.purpose": ("purpose", CODED),
        "provision.data.reference": ("data", ("reference",)),
    },
}  # fmt: skip
"""Parameter by path, and what below the path it looks at as well."""
USED = {
    "Patient.gender": "fhir_sex",
    "Patient.birthDate": "fhir_age_years",
    "Patient.identifier": "identifier_system",
    "Condition.code": "diagnosis_<name>",
    "Condition.bodySite": "side of diagnosis_<name>",
    "Consent.provision.provision.code": "consent.require",
}
"""What a source or the consent gate makes of an element, by path."""
NO = "cannot be selected by: "


def parameter_of(path: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the parameter that finds an element, and what below its own path it looks at; None where there is none.

    Parameters
    ----------
    path : str
        Without slices; a choice by the name of its type, as `Condition.onsetDateTime`.
    """
    kind, _, rest = path.partition(".")
    for own, (name, below) in PARAMETERS.get(kind, {}).items():
        if rest == own or (rest.removeprefix(f"{own}.") in below and rest.startswith(own)):
            return name, below
    return None


def used_as(path: str) -> str:
    """Return what the workflow makes of an element or of what lies below it; empty if nothing."""
    return next(
        (use for own, use in USED.items() if path == own or path.startswith(f"{own}.coding")), ""
    )


def search_of(path: str, coding: tuple[str, str], fixed: Any = None) -> str:
    """Return the search that asks for an element, with the codes that a profile fixes, or why there is none.

    Parameters
    ----------
    path : str
    coding : (system, code)
        As fixed by the profile; either may be empty.
    fixed : optional
        Another value that it fixes.
    """
    kind = path.partition(".")[0]
    if kind not in PARAMETERS:
        return f"{NO}searches take {', '.join(sorted(PARAMETERS))}"
    if path == kind:
        return kind
    found = parameter_of(path)
    if found is None:
        return f"{NO}no search parameter of FHIR R4"
    system, code = (part.translate(SPECIAL) for part in coding)
    value = ""
    if found[1] in WITH_SYSTEM:
        value = f"{system}|{code}" if system else code
    elif isinstance(fixed, str | bool) and found[1] == OTHER:
        value = str(fixed).lower() if isinstance(fixed, bool) else fixed.translate(SPECIAL)
    search = f"{kind}?{found[0]}={value}"
    return search if search.isascii() and search.isprintable() else f"{kind}?{found[0]}="
