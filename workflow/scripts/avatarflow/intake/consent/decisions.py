"""The decision for one patient, over all consents of his: permits united, denials subtracted, and it fails closed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..fhir.days import LAST, Span, covers, united, without
from .codes import denied_by
from .statements import IN_FORCE, REJECTED, UNKNOWN, Clause, Statement

PERMIT, DENY, EXPIRED, FUTURE = "permit", "deny", "expired", "not yet valid"
NOT_KNOWN, INACTIVE, NONE = "unknown", "inactive", "no consent"
WORST_FIRST = (DENY, NOT_KNOWN, EXPIRED, FUTURE, INACTIVE, NONE, PERMIT)
"""The decision for several identifiers of one patient is the first of these that any of them has."""


@dataclass(frozen=True)
class Days:
    """The days that a decision is for, as `date.toordinal` numbers them."""

    today: int
    until: int
    """The last day on which the data are to be used; consent must cover all from today on."""


@dataclass(frozen=True)
class Decision:
    """What is decided for one patient."""

    outcome: str
    collected: tuple[Span, ...] = ()
    """The days on which pictures may have been taken; all where the entry does not ask."""


def decide(
    statements: Sequence[Statement], require: Sequence[str], collect: str | None, days: Days
) -> Decision:
    """Decide for one patient.

    Parameters
    ----------
    statements : list of Statement
        Every consent of the patient.
    require : list of str
        Policy codes that must be permitted on each day from today until the last day of use.
    collect : str or None
        The policy code whose permitted days are those on which pictures may have been taken.
    days : Days
    """
    outcomes = [_outcome(statements, code, days) for code in require]
    outcome = worst(outcomes) if require else NOT_KNOWN
    if outcome != PERMIT:
        return Decision(outcome)
    if collect is None:
        return Decision(PERMIT, ((1, LAST),))
    return Decision(PERMIT, tuple(_allowed(statements, collect)))


def worst(outcomes: Iterable[str]) -> str:
    """Return the first of `WORST_FIRST` among the outcomes; without any there is no consent."""
    return min(outcomes, key=WORST_FIRST.index, default=NONE)


def changes(statements: Iterable[Statement], codes: Iterable[str], today: int) -> Iterator[int]:
    """Yield the days after today on which a decision may become another one."""
    wanted = frozenset[str | None]({None}).union(*(denied_by(code) for code in codes))
    for statement in statements:
        spans = [span for code, span in (*statement.permits, *statement.denials) if code in wanted]
        bounds = [
            statement.signed,
            *(bound for first, last in spans for bound in (first, last + 1)),
        ]
        yield from (day for day in bounds if today < day <= LAST)


def _outcome(statements: Sequence[Statement], code: str, days: Days) -> str:
    if not statements:
        return NONE
    if _touches(_denials(statements, code, days), days):
        return DENY
    if any(statement.state == UNKNOWN for statement in statements):
        return NOT_KNOWN
    active = [statement for statement in statements if statement.state == IN_FORCE]
    if not active:
        return INACTIVE
    permitted = _spans(active, "permits", frozenset({code}))
    denied = _denials(statements, code, days)
    if covers(without(permitted, denied), days.today, days.until):
        return PERMIT
    if not permitted:
        return DENY  # what is not permitted is denied
    return EXPIRED if max(last for _, last in permitted) < days.until else FUTURE


def _allowed(statements: Sequence[Statement], code: str) -> list[Span]:
    active = [statement for statement in statements if statement.state == IN_FORCE]
    permitted = _spans(active, "permits", frozenset({code}))
    return without(permitted, _denials(statements, code))


def _denials(statements: Sequence[Statement], code: str, days: Days | None = None) -> list[Span]:
    """Return the days on which a policy is denied.

    A rejection counts no more where an active consent followed it that permits this policy, on some
    of the days if they are given.
    """
    newest = max(
        (
            one.signed
            for one in statements
            if one.state == IN_FORCE
            and (spans := _spans([one], "permits", frozenset({code})))
            and (days is None or _touches(spans, days))
        ),
        default=0,
    )
    counted = [one for one in statements if one.state != REJECTED or one.signed >= newest]
    return _spans(counted, "denials", frozenset({None, *denied_by(code)}))


def _spans(statements: Sequence[Statement], which: str, codes: frozenset[str | None]) -> list[Span]:
    clauses: list[Clause] = [one for each in statements for one in getattr(each, which)]
    return united(span for code, span in clauses if code in codes)


def _touches(spans: Iterable[Span], days: Days) -> bool:
    return any(first <= days.until and days.today <= last for first, last in spans)
