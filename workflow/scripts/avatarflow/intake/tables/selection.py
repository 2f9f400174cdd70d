"""Choosing rows of a manifest with an expression that can run no code."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from avatarflow.core.errors import refuse

from .filter_columns import (
    ABSENT,
    absent_columns,
    changing_function,
    composed,
    locked_engine,
    names_column,
)
from .manifest import EMBEDDED, ROW
from .time_columns import TIMES, TimeColumns

WHOLE = r"[+-]?[0-9]{1,18}"  # 64 bits hold them all
KINDS = {
    "points in time": pa.types.is_timestamp,
    "dates": pa.types.is_date,
    "times of day": pa.types.is_time,
    "durations": pa.types.is_duration,
    "numbers": lambda kind: pa.types.is_integer(kind) or pa.types.is_floating(kind),
}


def select_rows(
    table: pd.DataFrame, expression: str, where: str, row_is: str = "picture"
) -> pd.DataFrame:
    """The rows for which an SQL expression over the columns holds.

    The engine (DuckDB) is cut off from files, network, extensions and Python variables before it sees the expression.
    Columns whose every value is a number compare as numbers, whole ones of up to 18 digits exactly. Columns that are
    dates, times or durations in Parquet compare as such. Names and text compare in composed form (NFC).
    `row_is` says in messages what a row stands for.

    Raises
    ------
    AvatarflowError
        If the expression is not one, keeps nothing, would select other rows another time, or names
        one of two columns that differ only in case or in composed and decomposed letters.
    """
    if not expression.strip():
        return table
    expression = composed(expression)
    columns = _columns_apart(
        table.drop(columns=[ROW, EMBEDDED], errors="ignore"), expression, where
    )
    typed = _typed(columns, _times(table))
    # longer than every column's name, so that it is none of them, however they are written
    number = "_" * (1 + max(len(name) for name in typed.column_names))
    with locked_engine() as engine:
        if changing := changing_function(engine, expression):
            found = f"'{changing}' gives another value each time, or stops the selection"
            raise refuse(
                where, found, "compare with a fixed value, so that a rerun selects the same"
            )
        rows = engine.from_arrow(typed.append_column(number, pa.array(table[ROW].to_numpy())))
        try:
            kept = rows.filter(expression).project(f'"{number}"').fetchall()
        except duckdb.Error as error:
            found = f"not a usable expression ({type(error).__name__})"
            problems = _problems(columns, typed, table[ROW], expression, error)
            raise refuse(where, found, f"check names and quotes; {problems}") from None
    chosen = table[table[ROW].isin([row for (row,) in kept])]
    if chosen.empty:
        raise refuse(where, f"no {row_is} is left", "widen the selection")
    return chosen


def _columns_apart(columns: pd.DataFrame, expression: str, where: str) -> pd.DataFrame:
    """Return the columns that names tell apart, under composed names.

    Refuses an expression that names one of the others: the engine would take the first for both.
    """
    columns = columns.set_axis([composed(str(column)) for column in columns.columns], axis=1)
    counts = Counter(column.casefold() for column in columns.columns)
    alike = [column for column in columns.columns if counts[column.casefold()] > 1]
    for column in alike:
        if names_column(expression, column):
            found = f"column '{column}' differs from another one only in case"
            if list(columns.columns).count(column) > 1:
                found = f"two columns '{column}' differ only in composed and decomposed letters"
            raise refuse(where, found, "rename one of them")
    return columns.drop(columns=alike)


def _times(table: pd.DataFrame) -> dict[str, pa.ChunkedArray]:
    """Return the columns of times, under composed names, for the rows of a table."""
    times = table.attrs.get(TIMES, TimeColumns({})).columns
    places = pa.array(table[ROW].to_numpy() - 1)
    return {composed(name): column.take(places) for name, column in times.items()}


def _typed(columns: pd.DataFrame, times: Mapping[str, pa.ChunkedArray]) -> pa.Table:
    """Return the columns as the engine compares them: times, numbers or text."""
    return pa.table(
        {
            name: times[name]
            if name in times
            else pa.array(_number_or_text(columns[name]), from_pandas=True)
            for name in columns.columns
        }
    )


def _number_or_text(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return numbers where every value is one, exact where all are whole, else text."""
    numbers = pd.to_numeric(column, errors="coerce")
    if not numbers.notna().sum() == column.notna().sum() > 0:
        return column.map(composed, na_action="ignore").astype("string")
    texts = column.map(lambda value: str(value).strip(), na_action="ignore")
    if not texts.dropna().str.fullmatch(WHOLE).all():
        return numbers
    # a gap would make floats of them, which hold 15 digits
    whole = [pd.NA if pd.isna(text) else int(text) for text in texts]
    return pd.Series(pd.array(whole, dtype="Int64"), index=column.index)


def _problems(
    columns: pd.DataFrame,
    typed: pa.Table,
    rows: "pd.Series[int]",
    expression: str,
    error: duckdb.Error,
) -> str:
    """Say which names are those of no column, and what the columns that are named hold."""
    absent = absent_columns(columns, expression)
    problems = [f"no column '{name}'" for name in absent]
    if ABSENT.search(str(error)) and not absent:
        problems.append("write text in single quotes")
    named = [name for name in typed.column_names if names_column(expression, name)]
    problems += [f"{name} {_content(typed.column(name), columns[name], rows)}" for name in named]
    return ", ".join(problems) or "it names no column"


def _content(typed: pa.ChunkedArray, column: "pd.Series[Any]", rows: "pd.Series[int]") -> str:
    """Say what a column holds, and which row shows that it is text."""
    if kind := next((kind for kind, is_kind in KINDS.items() if is_kind(typed.type)), None):
        return f"holds {kind}"
    words = column.notna() & pd.to_numeric(column, errors="coerce").isna()
    return f"is text, as row {rows[words].iloc[0]} shows" if words.any() else "is empty"
