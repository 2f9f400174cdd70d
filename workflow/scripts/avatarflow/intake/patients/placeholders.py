"""What some archives write where they know no identifier: 0, -1, nothing but nines, and words.

Such an identifier stays one. Only a warning says that it stands in suspiciously many rows.
"""

import re
from collections.abc import Iterable, Sequence

import pandas as pd

from avatarflow.intake.identifiers import normalised
from avatarflow.intake.tables.manifest import ROW

CODE = re.compile("0|-1|-?9+")
SHOWN_ROWS = 4
FEW, TIMES, WORD_TIMES = 4, 3, 2
"""How often an identifier must stand to be suspected.

That is in more rows than `FEW`, and in more than `TIMES` as many as an identifier usually has;
`WORD_TIMES` for words, which few archives give to patients.
"""


def codes_for_missing(table: pd.DataFrame, columns: Iterable[str]) -> list[str]:
    """Say which columns of identifiers have such a number in suspiciously many rows; it stays an identifier."""
    said: list[str] = []
    for column in columns:
        many = _in_many_rows(table[column].map(normalised), TIMES)
        said.extend(
            f"{count} rows have one and the same {column} of only nines, 0 or -1, and count as one person; if it means"
            " that it is not known, leave it empty"
            for value, count in many.items()
            if CODE.fullmatch(str(value))
        )
    return said


def words_for_missing(table: pd.DataFrame, columns: Iterable[str | Sequence[str]]) -> list[str]:
    """Say in which rows a word without a digit stands suspiciously often as an identifier.

    No list of words for "none" is complete. Columns that identify only together are left out: one
    of them may be the name of a site, which many rows have.
    """
    said = []
    for column in (column for column in columns if isinstance(column, str)):
        values = table[column].map(normalised)
        many = _in_many_rows(values, WORD_TIMES)
        if words := [word for word in many.index if not re.search(r"\d", str(word))]:
            rows = table.loc[values == words[0], ROW]
            shown = ", ".join(map(str, rows[:SHOWN_ROWS]))
            others = (
                f" ({len(words) - 1} others, in as many or fewer rows)" if len(words) > 1 else ""
            )
            said.append(
                f"{len(rows)} rows ({shown}, ...) have one and the same {column} without a digit, and count as one"
                f" person{others}; if it means that it is not known, leave it empty"
            )
    return said


def _in_many_rows(values: "pd.Series[str]", times: int) -> "pd.Series[int]":
    """Count the identifiers that stand in many more rows than usual, the most frequent first."""
    counts = values.value_counts()
    return counts[counts > max(FEW, times * counts.median())] if len(counts) else counts
