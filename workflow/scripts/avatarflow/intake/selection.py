"""Choosing rows of a manifest with an expression that can run no code."""

import re
from collections import Counter
from typing import Any

import duckdb
import pandas as pd

from avatarflow.core.errors import refuse

from .manifest import EMBEDDED, ROW

WHOLE = r"[+-]?[0-9]{1,18}"  # 64 bits hold them all


def select_rows(table: pd.DataFrame, expression: str, where: str) -> pd.DataFrame:
    """The rows for which an SQL expression over the columns holds.

    The engine (DuckDB) is cut off from files, network, extensions and Python variables before it sees the expression.
    Columns whose every value is a number compare as numbers, whole ones of up to 18 digits exactly.

    Raises
    ------
    AvatarflowError
        If the expression is not one, keeps nothing, or names one of two columns that differ only
        in case.
    """
    if not expression.strip():
        return table
    columns = table.drop(columns=[ROW, EMBEDDED], errors="ignore")
    _check_names(columns, expression, where)
    typed = pd.DataFrame({column: _typed(columns[column]) for column in columns.columns})
    # longer than every column's name, so that it is none of them, however they are written
    number = "_" * (1 + max(len(str(column)) for column in typed.columns))
    with duckdb.connect(config={"python_enable_replacements": "false"}) as engine:
        rows = engine.from_df(typed.assign(**{number: table[ROW]}))
        engine.execute("SET enable_external_access = false")
        engine.execute("SET lock_configuration = true")
        try:
            kept = rows.filter(expression).project(f'"{number}"').fetchall()
        except duckdb.Error as error:
            found = f"not a usable expression ({type(error).__name__})"
            kinds = _kinds_of_named(typed, table[ROW], expression)
            raise refuse(where, found, f"check names and quotes; {kinds}") from None
    chosen = table[table[ROW].isin([row for (row,) in kept])]
    if chosen.empty:
        raise refuse(where, "no picture is left", "widen the selection")
    return chosen


def _typed(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return numbers where every value is one, exact where all are whole, else text."""
    numbers = pd.to_numeric(column, errors="coerce")
    if not numbers.notna().sum() == column.notna().sum() > 0:
        return column.astype("string")
    texts = column.map(lambda value: str(value).strip(), na_action="ignore")
    if not texts.dropna().str.fullmatch(WHOLE).all():
        return numbers
    # a gap would make floats of them, which hold 15 digits
    whole = [pd.NA if pd.isna(text) else int(text) for text in texts]
    return pd.Series(pd.array(whole, dtype="Int64"), index=column.index)


def _check_names(columns: pd.DataFrame, expression: str, where: str) -> None:
    """Refuse an expression that names one of two columns alike but for case.

    The engine would take the first for both.
    """
    counts = Counter(str(column).casefold() for column in columns.columns)
    for column in columns.columns:
        if counts[str(column).casefold()] > 1 and _names(expression, str(column)):
            found = f"column '{column}' differs from another one only in case"
            raise refuse(where, found, "rename one of them")


def _names(expression: str, column: str) -> bool:
    """Whether an expression names a column, in any case."""
    return bool(re.search(rf"(?<!\w){re.escape(column)}(?!\w)", expression, re.IGNORECASE))


def _kinds_of_named(typed: pd.DataFrame, numbers: "pd.Series[int]", expression: str) -> str:
    """Which columns of an expression hold numbers, and from which row on the others do not."""
    kinds = []
    for (
        column
    ) in typed.columns:  # an unknown name in the expression may be data and is not repeated
        if not _names(expression, str(column)):
            continue
        if pd.api.types.is_numeric_dtype(typed[column]):
            kinds.append(f"{column} holds numbers")
            continue
        words = typed[column].notna() & pd.to_numeric(typed[column], errors="coerce").isna()
        kinds.append(
            f"{column} is text, as row {numbers[words].iloc[0]} shows"
            if words.any()
            else f"{column} is empty"
        )
    return ", ".join(kinds) or "it names no column of the manifest"
