"""What one Consent resource says: permits and denials by policy code, or why it cannot be judged.

Value sets are checked here, since the classes of `fhir.resources` do not. Whatever is not known to
be harmless makes a consent unknown; codes count, display texts never do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..fhir.days import FIRST, LAST, Span, day_of, touched_days, whole_days
from ..fhir.models import changed_meaning, names_in
from .codes import KNOWN, SYSTEM

IN_FORCE, NOT_IN_FORCE, REJECTED, UNKNOWN = "in force", "not in force", "rejected", "unknown"
STATES = {
    "active": IN_FORCE,
    "draft": NOT_IN_FORCE,
    "proposed": NOT_IN_FORCE,
    "inactive": NOT_IN_FORCE,
    "entered-in-error": NOT_IN_FORCE,
    "rejected": REJECTED,
}
SCOPES = "http://terminology.hl7.org/CodeSystem/consentscope"
OTHER_SCOPES = {"adr", "patient-privacy", "treatment"}
TEMPLATES = "templatetype"
"""How gICS and the German consent management name the kind of document, whatever the version of the system."""
GIVEN = {"CONSENT", "CONSENT-OPT-IN"}
TAKEN_BACK = ("WITHDRAWAL", "REFUSAL", "REVOCATION", "OPT-OUT", "OPTOUT", "CONSENT-OPT-OUT")
ROOT_KEYS = {"id", "extension", "type", "period", "provision"}
DENY_ALL = (None, (FIRST, LAST))
MEANT = ("status", "type", "code", "system", "start", "end", "dateTime", "reference", "value")
ABSENT = {f"_{name}" for name in MEANT}

Clause = tuple[str | None, Span]
"""A policy code, None for all of them, and the days it is permitted or denied on."""


@dataclass(frozen=True)
class Statement:
    """What one Consent says."""

    where: str
    state: str
    signed: int = FIRST
    """The day of signature."""
    permits: tuple[Clause, ...] = ()
    """By policy code; only those that hold for every purpose that is asked for."""
    denials: tuple[Clause, ...] = ()
    problem: str = ""
    """Why the state is unknown, without a value of the resource."""


class _UnknownError(Exception):
    """A consent that cannot be judged."""


def statement_of(
    content: Mapping[str, Any], where: str, purposes: frozenset[str], today: int
) -> Statement:
    """Read one Consent resource that fits FHIR R4.

    Parameters
    ----------
    content : mapping
    where : str
        File, kind and number.
    purposes : set of str
        Purposes of use that the entry declares; a permit for other purposes does not count.
    today : int
        A consent that is signed later is unknown.
    """
    try:
        return _judge(content, where, purposes, today)
    except _UnknownError as error:
        return Statement(where, UNKNOWN, problem=str(error))
    except (AttributeError, TypeError, KeyError, ValueError, RecursionError):
        return Statement(where, UNKNOWN, problem="elements of an unexpected form")


def _judge(
    content: Mapping[str, Any], where: str, purposes: frozenset[str], today: int
) -> Statement:
    state = STATES.get(str(content.get("status")), UNKNOWN)
    if state == UNKNOWN:
        raise _UnknownError("a status that FHIR R4 does not have")
    _check_meaning(content)
    signed = day_of(str(content.get("dateTime")))
    if state == NOT_IN_FORCE:
        return Statement(where, state, FIRST if signed is None else signed)
    if state == REJECTED:
        return Statement(where, state, LAST if signed is None else signed, denials=(DENY_ALL,))
    if signed is None:
        raise _UnknownError("no full date of signature")
    if signed > today:
        return Statement(where, UNKNOWN, signed, problem="a date of signature in the future")
    said = Statement(where, state, signed)
    # to take back or to refuse denies, whatever scope the document names
    if not _is_research(content) and _is_given(content):
        clauses = _named(content.get("provision") or {})
        return replace(said, denials=tuple(clauses))
    return _with_clauses(said, content, purposes)


def _with_clauses(
    said: Statement, content: Mapping[str, Any], purposes: frozenset[str]
) -> Statement:
    """Add the permits and denials of a consent to research that is in force."""
    given, root = _is_given(content), content.get("provision")
    if root is None or not root.get("provision"):
        if root is None and given:
            raise _UnknownError("no provisions")
        if root is not None and root.get("type") != "deny":
            raise _UnknownError("a root provision that is no denial")
        span = (FIRST, LAST) if root is None else touched_days(*_bounds(root))
        return replace(said, denials=((None, span),))
    if root.get("type") != "deny":
        raise _UnknownError("a root provision that is no denial")
    if set(root) - ROOT_KEYS:
        raise _UnknownError("a root provision with further conditions")
    permits: list[Clause] = []
    denials: list[Clause] = []
    for part in root["provision"]:
        _read_provision(part, root, purposes, permits, denials)
    if not given:
        if permits:
            raise _UnknownError("a withdrawal or refusal that permits something")
        denials = denials or [DENY_ALL]
    return replace(said, permits=tuple(permits), denials=tuple(denials))


def _check_meaning(content: Mapping[str, Any]) -> None:
    """Refuse what changes the meaning of a whole consent in a way that is not known here."""
    if changed := changed_meaning(content):
        raise _UnknownError(changed)
    if set(names_in(content)) & ABSENT:
        raise _UnknownError("values that are missing on purpose")
    if any(check.get("verified") is not True for check in content.get("verification", [])):
        raise _UnknownError("a verification that failed")


def _is_research(content: Mapping[str, Any]) -> bool:
    codes = {
        coding.get("code")
        for coding in (content.get("scope") or {}).get("coding", [])
        if coding.get("system") == SCOPES
    }
    if codes == {"research"}:
        return True
    if codes and codes <= OTHER_SCOPES:
        return False
    raise _UnknownError("a scope that is not known")


def _is_given(content: Mapping[str, Any]) -> bool:
    """Whether the document gives consent; else it takes consent back or refuses it."""
    codings = [
        (str(coding.get("code")), TEMPLATES in str(coding.get("system")).lower())
        for category in content.get("category", [])
        for coding in category.get("coding", [])
    ]
    if any(code.upper().startswith(TAKEN_BACK) for code, _ in codings):
        return False
    if any(is_kind and code not in GIVEN for code, is_kind in codings):
        raise _UnknownError("a kind of document that is not known")
    return True


def _bounds(provision: Mapping[str, Any]) -> tuple[str | None, str | None]:
    period = provision.get("period") or {}
    return period.get("start"), period.get("end")


def _read_provision(
    part: Mapping[str, Any],
    root: Mapping[str, Any],
    purposes: frozenset[str],
    permits: list[Clause],
    denials: list[Clause],
) -> None:
    """Sort one provision below the root, and the denials inside it, into permits and denials."""
    kind = part.get("type")
    if kind == "deny":
        denials.extend(_denied(part))
    elif kind == "permit":
        if _holds_for(part, purposes):
            span = _permitted_days(part, root)
            permits.extend((code, span) for code in _permitted_codes(part))
    else:
        raise _UnknownError("a provision that neither permits nor denies")
    for inner in part.get("provision", []):
        if inner.get("type") != "deny" or inner.get("provision"):
            raise _UnknownError("provisions deeper than the rule goes")
        denials.extend(_denied(inner))


def _holds_for(part: Mapping[str, Any], purposes: frozenset[str]) -> bool:
    """Whether a permit holds for all declared purposes; one that is limited otherwise cannot be judged."""
    if set(part) - {*ROOT_KEYS, "code", "purpose"}:
        raise _UnknownError("a permit with further conditions")
    named = {str(purpose.get("code")) for purpose in part.get("purpose", [])}
    return not named or (bool(purposes) and purposes <= named)


def _permitted_days(part: Mapping[str, Any], root: Mapping[str, Any]) -> Span:
    """Return the days of a permit inside those of the whole consent; a bound may stand at either."""
    (start, end), (first, last) = _bounds(part), _bounds(root)
    span = whole_days(start or first, end or last)
    if span is None or span[1] < span[0] - 1:
        raise _UnknownError("a permit without two full dates in order")
    outer = whole_days(first or start, last or end)
    if outer is None:
        raise _UnknownError("a permit without two full dates in order")
    return max(span[0], outer[0]), min(span[1], outer[1])


def _permitted_codes(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield the policies of a permit; a concept whose codings differ permits none."""
    if not part.get("code"):
        raise _UnknownError("a permit without a code")
    for concept in part["code"]:
        codings = concept.get("coding", [])
        codes = {coding.get("code") for coding in codings if coding.get("system") == SYSTEM}
        named = {coding.get("code") for coding in codings} & KNOWN
        if len(codes) == 1 and named <= codes and codes <= KNOWN:
            yield str(codes.pop())


def _named(provision: Mapping[str, Any]) -> Iterator[Clause]:
    """Yield the policies that a provision and all inside it deny by a code that is known."""
    if provision.get("type") == "deny":
        span = touched_days(*_bounds(provision))
        for concept in provision.get("code", []):
            codes = {coding.get("code") for coding in concept.get("coding", [])}
            yield from ((code, span) for code in codes & KNOWN)
    for inner in provision.get("provision", []):
        yield from _named(inner)


def _denied(part: Mapping[str, Any]) -> Iterator[Clause]:
    """Yield what a provision denies, whatever limits the denial; all policies where it has no code."""
    span = touched_days(*_bounds(part))
    if not part.get("code"):
        yield None, span
    for concept in part.get("code", []):
        known = {coding.get("code") for coding in concept.get("coding", [])} & KNOWN
        if not known:
            raise _UnknownError("a denial in a code that is not known")
        yield from ((code, span) for code in known)
