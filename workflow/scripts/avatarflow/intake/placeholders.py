"""Numbers that some archives write where they know none: 0, -1, and nothing but nines."""

import re
from collections.abc import Iterable

import pandas as pd

from .identifiers import normalised

CODE = re.compile("0|-1|-?9+")
FEW, TIMES = 4, 3
"""A code is suspected in more rows than `FEW`, and than `TIMES` as many as an identifier usually has."""


def codes_for_missing(table: pd.DataFrame, columns: Iterable[str]) -> list[str]:
    """Say which columns of identifiers have such a number in suspiciously many rows; it stays an identifier."""
    said: list[str] = []
    for column in columns:
        counts = table[column].map(normalised).value_counts()
        many = [
            count
            for value, count in counts.items()
            if CODE.fullmatch(str(value)) and count > max(FEW, TIMES * counts.median())
        ]
        said.extend(
            f"{count} rows have one and the same {column} of only nines, 0 or -1, and count as one person; if it means"
            " that it is not known, leave it empty"
            for count in many
        )
    return said
