"""Manifests: reading them, checking their columns, choosing rows with an expression that can run no code."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from pandas.errors import EmptyDataError, ParserError

from ..errors import Problems, refuse

FILE = "file"
ROW = "row"  # 1-based number of the manifest's data row: the only name an original has outside intake


def read_manifest(path: str | Path, columns: list[str]) -> pd.DataFrame:
    """A manifest as text columns, empty cells as None, with its 1-based row numbers.

    Parameters
    ----------
    path : path
        CSV or Parquet with a header; the column `file` is required.
    columns : list of str
        Further columns the config names; each must be there.

    Raises
    ------
    AvatarflowError
        If the file is missing, cannot be parsed, holds no rows, or lacks columns (all named at once).
    """
    where = f"manifest {Path(path).name}"
    if not Path(path).is_file():
        raise refuse(where, "no such file", "check the path, data_root and AVATARFLOW_DATA")
    try:
        if Path(path).suffix == ".parquet":
            table = pd.read_parquet(path).astype("string").astype(object)
        else:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (EmptyDataError, ParserError, UnicodeDecodeError, OSError, ValueError) as error:
        raise refuse(where, f"cannot be read as a table ({type(error).__name__})", "save it as UTF-8 CSV") from None
    problems = Problems()
    for column in dict.fromkeys([FILE, *columns]):
        if column not in table.columns:
            problems.add(where, f"no column '{column}'", "add it, or correct the config")
    if ROW in table.columns:
        problems.add(where, f"a column is called '{ROW}'", "rename it: the name is reserved")
    if table.empty:
        problems.add(where, "no rows", "give at least one picture")
    problems.raise_if_any()
    table = table.astype(object).where(table.notna() & (table != ""), None)
    table.insert(0, ROW, np.arange(1, len(table) + 1))
    return table


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
    typed = table.copy()
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
            raise refuse(
                where, f"not a usable expression ({type(error).__name__})", "see the columns and quotes"
            ) from None
    chosen = table[table[ROW].isin([row for (row,) in kept])]
    if chosen.empty:
        raise refuse(where, "no picture is left", "widen the selection")
    return chosen


def resolve_inside(root: str | Path, name: str) -> Path | None:
    """The file a manifest row means, or None if it lies outside the root (`..`, absolute path, symbolic link)."""
    base = Path(root).resolve()
    try:
        path = (base / name).resolve()
    except (OSError, RuntimeError, ValueError):
        return None
    return path if path.is_relative_to(base) else None
