"""Counts that add up: whatever came into a step went on, or was left out for a named reason."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import refuse

if TYPE_CHECKING:
    import pandas as pd

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


def by_condition(
    table: "pd.DataFrame", conditions: Mapping[str, Sequence[str]]
) -> "Iterator[tuple[str, pd.DataFrame]]":
    """Yield each condition, that is each combination of values, with the rows that have it."""
    for values in itertools.product(*conditions.values()):
        rows = table
        for column, value in zip(conditions, values, strict=True):
            rows = rows[rows[column] == value]
        yield " ".join(values), rows


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
