"""Why rows of a manifest are refused, and what to do about it: reasons hold no value of a row."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from avatarflow.core.counts import by_reason
from avatarflow.core.errors import refuse

from .identifiers import spelled
from .tables.manifest import ROW

NO_PERSON = "no person: every identifier is empty, a word for none, or lacks one of its columns"
SAME_CONTENT = "same content as row"
CONSENT = "consent"
"""How the reasons begin for which the consent gate refuses."""
ADVICE = {
    "no such file": "check root and the file names",
    "unknown value": "list labels under conditions as the manifest writes them, or as docs/clinic.md lists those of"
    " DICOM and FHIR",
}
FEW = 8
"""Pictures of one label from which nothing can be learnt."""


def label_columns(entry: dict[str, Any]) -> dict[str, list[str]]:
    """The label columns of an entry with their values; the camera is one more label."""
    return {**entry.get("conditions", {}), **entry.get("cameras", {})}


def oddities(rows: pd.DataFrame, conditions: dict[str, list[str]]) -> list[str]:
    """What may be meant, but seldom is, in sentences without a value of a row."""
    odd = []
    for column, allowed in conditions.items():
        for place, count in enumerate(int((rows[column] == value).sum()) for value in allowed):
            if count < FEW:
                odd.append(
                    f"condition {column}: {count} pictures have value {place + 1} of the list; add some, or drop it"
                )
    largest = rows["key"].value_counts(normalize=True).max() if rows["key"].notna().any() else 0.0
    if largest > 0.25 and rows["key"].nunique() > 4:
        odd.append(f"one patient has {largest:.0%} of the pictures; the others may be too few")
    return odd


def refuse_labels(
    rows: pd.DataFrame, conditions: dict[str, list[str]], constant: Iterable[str]
) -> dict[int, str]:
    """Rows without a person, with a label outside the allowed values, or that contradict their person's other rows."""
    refused: dict[int, str] = {}
    for row in rows.loc[rows["key"].isna(), ROW]:
        refused[int(row)] = NO_PERSON
    for column, allowed in conditions.items():
        unknown = rows[column].notna() & ~rows[column].isin(allowed)
        alike = rows[column].map(spelled, na_action="ignore").isin(set(map(spelled, allowed)))
        for row, near in zip(rows.loc[unknown, ROW], alike[unknown], strict=True):
            reason = f"unknown value in column {column}"
            refused.setdefault(
                int(row),
                f"{reason}: a listed one but for case, blanks, zeros before or '.0'"
                if near
                else reason,
            )
    return contradictions(rows, rows["key"], constant) | refused


def contradictions(
    rows: pd.DataFrame, persons: "pd.Series[Any]", constant: Iterable[str]
) -> dict[int, str]:
    """Rows of a person that differ in a column which is constant within a person."""
    refused: dict[int, str] = {}
    for column in constant:
        differing = rows.groupby(persons)[column].transform("nunique") > 1
        for row in rows.loc[differing, ROW]:
            refused.setdefault(
                int(row), f"contradictory values in column {column} within one person"
            )
    return refused


def check_share(refused: dict[int, str], selected: int, allowed: float, where: str) -> None:
    """Stop when too many rows were refused.

    Raises
    ------
    AvatarflowError
        With the number per reason; never a value of a row.
    """
    # a repeat loses nothing, and what is not permitted was never there
    by_consent = sum(reason.startswith(f"{CONSENT}:") for reason in refused.values())
    repeats = sum(reason.startswith(SAME_CONTENT) for reason in refused.values())
    if len(refused) - repeats - by_consent <= allowed * (selected - by_consent):
        return
    raise refuse(
        where,
        f"{len(refused)} of {selected} rows refused, over the limit of {allowed:.0%} ({reasons_in_words(refused)})",
        f"see refused.csv; {advice_on(refused)} or raise limits.max_refused_share",
    )


def advice_on(refused: dict[int, str]) -> str:
    """What to do about refused rows."""
    fitting = [
        text
        for reason, text in ADVICE.items()
        if any(each.startswith(reason) for each in refused.values())
    ]
    return ", ".join(fitting) or "correct the rows"


def reasons_in_words(refused: dict[int, str]) -> str:
    """How many rows were refused for what; never a value of a row."""
    reasons = by_reason(refused.values())
    return ", ".join(f"{count} x {reason}" for reason, count in reasons.items())
