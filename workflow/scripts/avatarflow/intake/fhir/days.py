"""Dates and times of FHIR as days, and spans of days: whole days only, and nothing guessed of a partial date.

A time counts by the wall clock of the zone that it is written in.
"""

import re
from collections.abc import Iterable
from datetime import date

Span = tuple[int, int]
"""First and last day, both inside, as `date.toordinal` numbers them."""
FIRST, LAST = date.min.toordinal(), date.max.toordinal()
DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
TIME = re.compile(r"\d{4}-\d\d-\d\dT(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|[+-]\d\d:\d\d)", re.ASCII)
MIDNIGHT = re.compile(r"[0:.]+")
END_OF_DAY = re.compile(r"23:59:(59|60)(\.\d+)?|23:59")


def day_of(text: str) -> int | None:
    """Return the day that a full date or time falls on; None for a partial date or none at all."""
    if DAY.fullmatch(text) is None and TIME.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text[:10]).toordinal()
    except ValueError:
        return None


def whole_days(start: str | None, end: str | None) -> Span | None:
    """Return the days that lie wholly inside a period; None where a bound is missing, partial or no date.

    The span may be empty: its last day then lies before its first.
    """
    first, last = day_of(start or ""), day_of(end or "")
    if first is None or last is None:
        return None
    begins, ends = TIME.fullmatch(start or ""), TIME.fullmatch(end or "")
    if begins and not MIDNIGHT.fullmatch(begins[1]):
        first += 1
    if ends and not END_OF_DAY.fullmatch(ends[1]):
        last -= 1
    return first, last


def touched_days(start: str | None, end: str | None) -> Span:
    """Return the days that a period touches; a bound that is missing, partial or no date is no bound.

    A time zone may move a day; so the day before and the day behind a time are touched, too.
    """
    first, last = day_of(start or ""), day_of(end or "")
    if first is not None and TIME.fullmatch(start or ""):
        first = max(first - 1, FIRST)
    if last is not None and TIME.fullmatch(end or ""):
        last = min(last + 1, LAST)
    if first is None or last is None or last < first:
        contradictory = first is not None and last is not None
        return (
            FIRST if first is None or contradictory else first,
            LAST if last is None or contradictory else last,
        )
    return first, last


def united(spans: Iterable[Span]) -> list[Span]:
    """Return the same days as spans in order that neither overlap nor touch."""
    joined: list[Span] = []
    for first, last in sorted(span for span in spans if span[0] <= span[1]):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Return the days of `spans` that are not in `taken`."""
    left = united(spans)
    for low, high in united(taken):
        cut = []
        for first, last in left:
            cut += [(first, min(last, low - 1)), (max(first, high + 1), last)]
        left = united(cut)
    return left


def in_all(each: Iterable[Iterable[Span]]) -> list[Span]:
    """Return the days that lie in all of some sets of days; every day where there is none."""
    common: list[Span] = [(FIRST, LAST)]
    for spans in each:
        common = without(common, without(common, spans))
    return common


def covers(spans: Iterable[Span], first: int, last: int) -> bool:
    """Whether every day from the first to the last is in the spans."""
    return any(low <= first and last <= high for low, high in united(spans))
