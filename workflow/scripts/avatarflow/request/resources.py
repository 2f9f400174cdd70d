"""A request as FHIR R4: a ResearchStudy that says what for, and a Library that says which data.

The Library holds the request itself, so that a site needs nothing else. Fields and types are checked
by `fhir.resources` (R4B classes); it does not check value sets, which are checked here.
"""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from avatarflow.core.errors import Problems, refuse
from avatarflow.intake.consent.codes import SYSTEM

STUDY, LIBRARY = "ResearchStudy", "Library"
URI = "urn:ietf:rfc:3986"
LIBRARY_TYPE = "http://terminology.hl7.org/CodeSystem/library-type"
PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
JSON = "application/json"
STUDY_STATUS = frozenset(
    ("active", "administratively-completed", "approved", "closed-to-accrual",
     "closed-to-accrual-and-intervention", "completed", "disapproved", "in-review",
     "temporarily-closed-to-accrual", "temporarily-closed-to-accrual-and-intervention", "withdrawn")
)  # fmt: skip
PUBLICATION_STATUS = frozenset(("draft", "active", "retired", "unknown"))
LIBRARY_TYPES = frozenset(
    ("logic-library", "model-definition", "asset-collection", "module-definition")
)
ARTIFACTS = frozenset(
    ("documentation", "justification", "citation", "predecessor", "successor", "derived-from",
     "depends-on", "composed-of")
)  # fmt: skip
NEEDED = frozenset(("Condition", "Consent", "ImagingStudy", "Media", "Patient"))
"""Kinds of resources that a request may need; FHIR has more."""
TELECOM = frozenset(("phone", "fax", "email", "pager", "url", "sms", "other"))
DO_CORRECT = "ask the sender for the request as it was written"


def study(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as a ResearchStudy."""
    applicant, asked = request["applicant"], request["asked"]
    resource = {
        "resourceType": STUDY,
        "identifier": [{"system": URI, "value": name_of(request)}],
        "title": request["title"],
        "status": "in-review",
        "description": request["purpose"],
        "period": {"end": asked["consent"]["until"]},
        "keyword": [
            {"coding": [{"system": PURPOSES, "code": code}]}
            for code in asked["consent"]["purposes"]
        ],
        "relatedArtifact": [{"type": "depends-on", "resource": name_of(request)}],
        "sponsor": {"display": applicant["organisation"]} if applicant["organisation"] else None,
        "contact": [{"telecom": [_telecom(applicant["contact"])]}] if applicant["contact"] else [],
        "note": [{"text": f"SHA-256 {request['digest']}"}],
    }
    return checked(_filled(resource))


def library(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as a Library: what data it needs, and the request itself as its content."""
    text = json.dumps(request, sort_keys=True, ensure_ascii=False)
    resource = {
        "resourceType": LIBRARY,
        "url": name_of(request),
        "identifier": [{"system": URI, "value": name_of(request)}],
        "title": request["title"],
        "status": "draft",
        "type": {"coding": [{"system": LIBRARY_TYPE, "code": "module-definition"}]},
        "purpose": request["purpose"],
        "dataRequirement": list(_requirements(request)),
        "content": [{"contentType": JSON, "data": base64.b64encode(text.encode()).decode()}],
    }
    return checked(_filled(resource))


def content_of(resource: Mapping[str, Any]) -> bytes:
    """Return the request that a Library holds, as text.

    Raises
    ------
    AvatarflowError
        If the resource is no Library of FHIR R4 with one JSON attachment.
    """
    checked(resource)
    held = resource.get("content", [])
    if resource["resourceType"] != LIBRARY or len(held) != 1 or held[0].get("contentType") != JSON:
        raise refuse("request", "no Library with one JSON content", DO_CORRECT)
    return base64.b64decode(held[0].get("data", ""))


def checked(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource that fits FHIR R4, value sets included.

    Raises
    ------
    AvatarflowError
        With one line for each problem, without a value of the resource.
    """
    kind = resource.get("resourceType")
    if kind not in (STUDY, LIBRARY):
        raise refuse("request", f"no {STUDY} and no {LIBRARY}", DO_CORRECT)
    if not _fits(str(kind), resource):
        raise refuse(f"request, {kind}", "it does not fit FHIR R4", DO_CORRECT)
    with Problems() as problems:
        for path, code, allowed in _codes(resource):
            if code not in allowed:
                found = f"a value of {path} that is not in its value set"
                problems.add(f"request, {kind}", found, DO_CORRECT)
    return dict(resource)


def name_of(request: Mapping[str, Any]) -> str:
    """Return the URI of a request, which follows from its digest."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"sha256:{request['digest']}").urn


def _fits(kind: str, resource: Mapping[str, Any]) -> bool:
    from fhir.resources.R4B.library import Library
    from fhir.resources.R4B.researchstudy import ResearchStudy

    try:
        {STUDY: ResearchStudy, LIBRARY: Library}[kind].model_validate(dict(resource))
    except Exception:  # hostile content may raise anything, and the text may quote it
        return False
    return True


def _codes(resource: Mapping[str, Any]) -> Iterator[tuple[str, Any, frozenset[str]]]:
    """Yield the codes of a resource that FHIR binds to a closed value set, with their places."""
    is_study = resource["resourceType"] == STUDY
    yield "status", resource.get("status"), STUDY_STATUS if is_study else PUBLICATION_STATUS
    for artifact in resource.get("relatedArtifact", []):
        yield "relatedArtifact.type", artifact.get("type"), ARTIFACTS
    for contact in resource.get("contact", []):
        for telecom in contact.get("telecom", []):
            yield "contact.telecom.system", telecom.get("system"), TELECOM
    if not is_study:
        for coding in resource["type"].get("coding", [{}]):
            code = coding.get("code") if coding.get("system") == LIBRARY_TYPE else None
            yield "type", code, LIBRARY_TYPES
    for need in resource.get("dataRequirement", []):
        yield "dataRequirement.type", need.get("type"), NEEDED


def _requirements(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the resources that a site needs to answer: pictures, patients, diagnoses, consents."""
    origins = {element["origin"] for element in request["elements"]}
    consent, source = request["asked"]["consent"], request["asked"]["source"]
    is_dicom = any(origin and "." not in origin for origin in origins)
    yield {"type": "ImagingStudy" if is_dicom else "Media"}
    patient = [f"{one.partition('.')[2]}" for one in sorted(origins) if one.startswith("Patient.")]
    yield _filled({"type": "Patient", "mustSupport": patient})
    for codes in source.get("fhir", {}).get("diagnoses", {}).values():
        codings = [dict(zip(("system", "code"), one.rsplit("|", 1), strict=True)) for one in codes]
        yield {"type": "Condition", "codeFilter": [{"path": "code", "code": codings}]}
    policies = dict.fromkeys([*consent["require"], *filter(None, [consent["collected"]])])
    codings = [{"system": SYSTEM, "code": code} for code in policies]
    path = "provision.provision.code"
    yield {"type": "Consent", "codeFilter": [{"path": path, "code": codings}]}


def _telecom(contact: str) -> dict[str, str]:
    return {"system": "url" if "://" in contact else "email", "value": contact}


def _filled(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource without what is empty, which FHIR does not allow."""
    return {name: value for name, value in resource.items() if value}
