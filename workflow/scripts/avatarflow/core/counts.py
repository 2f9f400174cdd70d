"""Counts that add up: whatever came into a step went on, or was left out for a named reason."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import refuse

REFUSED = "the release was refused"
"""The reason for which what would have been published is left out."""
ROW_NUMBER = re.compile(r"\brows? \d+")


def by_reason(reasons: Iterable[str]) -> dict[str, int]:
    """Count texts, the most frequent first; numbers of rows are left out, so that equal reasons are one.

    >>> by_reason(["same content as row 3", "no such file", "same content as row 8"])
    {'same content as another row': 2, 'no such file': 1}
    """
    found = Counter(ROW_NUMBER.sub("another row", reason) for reason in reasons)
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def balance(name: str, came: int, went_on: int, left_out: Mapping[str, int]) -> dict[str, Any]:
    """Return the counts of one step.

    Parameters
    ----------
    name : str
        What is counted, for the error message.
    came : int
        How many came in, counted where they came in.
    went_on : int
        How many went on, counted where they went on.
    left_out : mapping of reason to int

    Returns
    -------
    dict
        `came`, `went_on`, `left_out`.

    Raises
    ------
    AvatarflowError
        If they do not add up: then a file is of another run than the others.
    """
    lost = came - went_on - sum(left_out.values())
    if lost:
        found = f"{came} came in, {went_on} went on, {sum(left_out.values())} were left out"
        raise refuse(f"counts of {name}", found, "delete the results of this entry and run again")
    return {"came": came, "went_on": went_on, "left_out": dict(left_out)}
