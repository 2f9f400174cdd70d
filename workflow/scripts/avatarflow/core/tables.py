"""Write tables as text that people open in spreadsheets."""

from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from avatarflow.core.paths import replacing

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet run a cell (OWASP)


def write_table(table: pd.DataFrame, path: str | Path, separator: str = "\t") -> None:
    """Write a table with six significant digits and `NA` where there is no value.

    Text that a spreadsheet would run as a formula gets a leading apostrophe.

    >>> write_table(pd.DataFrame({"tool": ["=1+1", "-", "k2"]}), "scores.tsv")  # doctest: +SKIP
    """
    safe = table.apply(lambda column: column if is_numeric_dtype(column) else column.map(as_text))
    with replacing(path) as temporary:
        safe.to_csv(temporary, sep=separator, index=False, na_rep="NA", float_format="%.6g")


def as_text(cell: object) -> object:
    """Return a cell that no spreadsheet runs: `'=1+1` for `=1+1`; numbers and signs alone stay.

    >>> as_text("=1+1"), as_text("-0.5"), as_text("-"), as_text(3)
    ("'=1+1", '-0.5', '-', 3)
    """
    if not isinstance(cell, str) or len(cell) < 2 or not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return cell
