"""Choosing rows of a manifest with an expression that can run no code."""

import re

import duckdb
import pandas as pd

from avatarflow.core.errors import refuse

from .manifest import EMBEDDED, ROW


def select_rows(table: pd.DataFrame, expression: str, where: str) -> pd.DataFrame:
    """The rows for which an SQL expression over the columns holds.

    The engine (DuckDB) is cut off from files, network, extensions and Python variables before it sees the expression.
    Columns whose every value is a number compare as numbers.

    Raises
    ------
    AvatarflowError
        If the expression is not one, or keeps nothing.
    """
    if not expression.strip():
        return table
    typed = table.drop(columns=EMBEDDED, errors="ignore").copy()
    for column in typed.columns:
        numbers = pd.to_numeric(typed[column], errors="coerce")
        if numbers.notna().sum() == typed[column].notna().sum() > 0:
            typed[column] = numbers
        else:
            typed[column] = typed[column].astype("string")
    with duckdb.connect(config={"python_enable_replacements": "false"}) as engine:
        rows = engine.from_df(typed)
        engine.execute("SET enable_external_access = false")
        engine.execute("SET lock_configuration = true")
        try:
            kept = rows.filter(expression).project(f'"{ROW}"').fetchall()
        except duckdb.Error as error:
            found = f"not a usable expression ({type(error).__name__})"
            kinds = _kinds_of_named(typed, expression)
            raise refuse(where, found, f"check names and quotes; {kinds}") from None
    chosen = table[table[ROW].isin([row for (row,) in kept])]
    if chosen.empty:
        raise refuse(where, "no picture is left", "widen the selection")
    return chosen


def _kinds_of_named(typed: pd.DataFrame, expression: str) -> str:
    """Which columns of an expression hold numbers, and from which row on the others do not."""
    kinds = []
    for (
        column
    ) in typed.columns:  # an unknown name in the expression may be data and is not repeated
        if not re.search(rf"\b{re.escape(str(column))}\b", expression):
            continue
        if pd.api.types.is_numeric_dtype(typed[column]):
            kinds.append(f"{column} holds numbers")
            continue
        words = typed[column].notna() & pd.to_numeric(typed[column], errors="coerce").isna()
        kinds.append(
            f"{column} is text, as row {typed.loc[words, ROW].iloc[0]} shows"
            if words.any()
            else f"{column} is empty"
        )
    return ", ".join(kinds) or "it names no column of the manifest"
