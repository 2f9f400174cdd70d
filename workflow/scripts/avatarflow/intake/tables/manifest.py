"""Manifests: reading them, and checking their columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from avatarflow.core.errors import Problems, refuse
from avatarflow.intake.identifiers import spelled

from .containers import unpacked
from .filter_columns import absent_columns
from .parquet import EmbeddedPictures, TextTable, read_parquet
from .text_table import FILE, read_text
from .time_columns import TIMES, TimeColumns

# 1-based number of the manifest's data row: the only name an original has outside intake
ROW = "row"
PARQUET = b"PAR1"
EMBEDDED = "_embedded"
ODDITIES = "oddities"
"""Where `attrs` of a table holds sentences on what may not be meant."""


def read_manifest(
    path: str | Path, columns: list[str], if_there: Sequence[str] = (), row_filter: str = "", files: bool = True,
) -> pd.DataFrame:  # fmt: skip
    """Read a manifest as text columns, empty cells as None, with its 1-based row numbers.

    Parameters
    ----------
    path : path
        A table with a header: Parquet, or text in UTF-8 with commas, semicolons or tabs, gzipped
        or not. The kind is told by content, not by name.
    columns : list of str
        Further columns the config names; each must be there.
    if_there : list of str
        Columns that may be missing, but not be there in another spelling.
    row_filter : str
        Columns that it names must be there, too, so that all that are missing are named at once.
    files : bool
        Whether each row is of a picture: then the column `file` must be there.

    Returns
    -------
    DataFrame
        Its `attrs` hold what is odd (`ODDITIES`), and the columns that are times (`TIMES`).

    Raises
    ------
    AvatarflowError
        If the file is missing, cannot be parsed, holds no rows, has rows with more or fewer cells
        than the header (named by line), or lacks columns (all named at once).
    """
    where = f"manifest {Path(path).name}"
    if not Path(path).is_file():
        found = "a folder, not a file" if Path(path).is_dir() else "no such file"
        raise refuse(where, found, "check the path, data_root and AVATARFLOW_DATA")
    read = _read(Path(path), where)
    table = read.table
    oddities = _other_names(table, read.pictures)
    if read.pictures and FILE not in table.columns:
        table.insert(0, FILE, pd.Series(_names(read.pictures), dtype=object))
    elif read.pictures and list(table.columns).count(FILE) == 1:
        table[FILE] = _named_once(table[FILE], read.pictures, where)
    absent = absent_columns(table, row_filter) if row_filter.strip() else []
    needed = [FILE, *columns, *absent] if files else [*columns, *absent]
    check_columns(table, needed, if_there, read.not_taken, where)
    table = table.where(table.notna() & (table != ""), None)
    if read.pictures:
        table[EMBEDDED] = pd.Series(read.pictures.contents, dtype=object)
    table.insert(0, ROW, np.arange(1, len(table) + 1))
    table.attrs[ODDITIES] = oddities
    if read.times:
        table.attrs[TIMES] = TimeColumns(read.times)
    return table


def _read(path: Path, where: str) -> TextTable:
    """Read the table of a file, whose kind its content tells."""
    is_parquet = False
    try:
        with path.open("rb") as file:
            is_parquet = file.read(len(PARQUET)) == PARQUET
        if is_parquet:
            return read_parquet(path, where)
        content = unpacked(path.read_bytes(), where)
        is_parquet = content.startswith(PARQUET)
        return read_parquet(content, where) if is_parquet else TextTable(read_text(content, where))
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        if is_parquet and isinstance(error, OSError | pa.ArrowInvalid):
            found = "its Parquet data are damaged or cut off"
            raise refuse(where, found, "copy or save it again") from None
        found = f"cannot be read as a table ({type(error).__name__})"
        raise refuse(where, found, "save it as CSV in UTF-8, or as Parquet") from None


def _other_names(table: pd.DataFrame, pictures: EmbeddedPictures | None) -> list[str]:
    """Say where a picture inside the table has another name than its row's `file`: one may be of another row."""
    if pictures is None or list(table.columns).count(FILE) != 1:
        return []
    cells = zip(table[FILE], pictures.names, pictures.contents, strict=True)
    other = sum(
        bool(content and file and name) and _base(file) != _base(name or "")
        for file, name, content in cells
    )
    found = f"{other} pictures inside the manifest have another name than column 'file' says"
    return [f"{found}; the pictures inside count"] if other else []


def _named_once(
    files: "pd.Series[Any]", pictures: EmbeddedPictures, where: str
) -> "pd.Series[Any]":
    """Take the picture's `path` where a row has neither content nor `file`; refuse two different names."""
    paths = pd.Series(pictures.names, index=files.index, dtype=object)
    without = pd.Series([content is None for content in pictures.contents], index=files.index)
    has_file, has_path = (names.map(bool) & names.notna() for names in (files, paths))
    both = np.flatnonzero(without & has_file & has_path & (files != paths)) + 1
    if len(both):
        found = f"{len(both)} rows without a picture inside name two files (row {both[0]})"
        raise refuse(where, found, "leave 'file' or the picture's 'path' empty")
    return files.where(~(without & has_path), paths)


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _names(pictures: EmbeddedPictures) -> list[str | None]:
    """The name of each file: where its content is in the table, a label without folders."""
    cells = enumerate(zip(pictures.contents, pictures.names, strict=True), start=1)
    return [
        name if content is None else Path(name or "").name or f"row {row}"
        for row, (content, name) in cells
    ]


def check_columns(
    table: pd.DataFrame,
    columns: Sequence[str],
    if_there: Sequence[str],
    not_taken: Mapping[str, str],
    where: str,
    do_add: str = "add it, or correct the config",
) -> None:
    """Refuse what is missing, named twice or reserved; a name that the config does not give may be data, not shown.

    `do_add` says what to do where a column is missing.
    """
    names = [str(column) for column in table.columns]
    asked = list(dict.fromkeys(columns))
    with Problems() as problems:
        for column in dict.fromkeys([*asked, *if_there]):
            alike = [name for name in names if spelled(name) == spelled(column) != ""]
            if column in names:
                continue
            if column in not_taken:
                problems.add(
                    where,
                    f"column '{column}' holds {not_taken[column]}",
                    "save its values as short text",
                )
            elif alike:
                problems.add(where, f"no column '{column}', but '{alike[0]}'", "write both alike")
            elif column in asked:
                problems.add(where, f"no column '{column}'", do_add)
        if "file_name" in names and FILE in asked and FILE not in names:
            problems.add(where, "a column is called 'file_name'", f"rename it to '{FILE}'")
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            places = ", ".join(
                str(place) for place, each in enumerate(names, start=1) if each == name
            )
            known = f" '{name}'" if name in (*asked, *if_there) else ""
            found, do = f"columns {places} have one name{known}", "rename all but one"
            if not name.strip():
                found, do = f"columns {places} hold cells and have no name", "name them"
            problems.add(where, found, do)
        for name in (ROW, EMBEDDED):
            if name in names:
                problems.add(
                    where, f"a column is called '{name}'", "rename it: the name is reserved"
                )
        if table.empty:
            problems.add(where, "no rows", "give at least one")
