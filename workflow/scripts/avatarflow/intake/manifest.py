"""Manifests: reading them, checking their columns, choosing rows with an expression that can run no code."""

import csv
import gzip
import hashlib
import io
import itertools
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from avatarflow.core.errors import AvatarflowError, Problems, refuse

from .identifiers import normalised
from .parquet import EmbeddedPictures, TextTable, read_parquet

FILE = "file"
ROW = (
    "row"  # 1-based number of the manifest's data row: the only name an original has outside intake
)
SEPARATORS = (",", ";", "\t")
SHOWN_LINES = 5
LOOKED_AT = 20  # rows that tell the separator, and whether the first line is a header
PARQUET, GZIP = b"PAR1", b"\x1f\x8b"
EMBEDDED = "_embedded"
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_manifest(
    path: str | Path, columns: list[str], if_there: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a manifest as text columns, empty cells as None, with its 1-based row numbers.

    Parameters
    ----------
    path : path
        A table with a header and the column `file`: Parquet, or text in UTF-8 with commas, semicolons or tabs, gzipped
        or not. The kind is told by content, not by name.
    columns : list of str
        Further columns the config names; each must be there.
    if_there : list of str
        Columns that may be missing, but not be there in another spelling.

    Raises
    ------
    AvatarflowError
        If the file is missing, cannot be parsed, holds no rows, has rows with more cells than the header (named by
        line), or lacks columns (all named at once).
    """
    where = f"manifest {Path(path).name}"
    if not Path(path).is_file():
        raise refuse(where, "no such file", "check the path, data_root and AVATARFLOW_DATA")
    try:
        content = Path(path).read_bytes()
        if content.startswith(GZIP):
            content = gzip.decompress(content)
        read = (
            read_parquet(content, where)
            if content.startswith(PARQUET)
            else TextTable(_from_text(content, where))
        )
    except (
        OSError,
        EOFError,
        ValueError,
        OverflowError,
        csv.Error,
        pa.ArrowException,
        zlib.error,
    ) as error:
        found = f"cannot be read as a table ({type(error).__name__})"
        raise refuse(where, found, "save it as CSV in UTF-8, or as Parquet") from None
    table = read.table
    if read.pictures and FILE not in table.columns:
        table.insert(0, FILE, pd.Series(_names(read.pictures), dtype=object))
    _check_columns(table, columns, if_there, read.not_text, where)
    table = table.where(table.notna() & (table != ""), None)
    if read.pictures:
        table[EMBEDDED] = pd.Series(read.pictures.contents, dtype=object)
    table.insert(0, ROW, np.arange(1, len(table) + 1))
    return table


def _names(pictures: EmbeddedPictures) -> list[str | None]:
    """The name of each file: where its content is in the table, a label without folders."""
    cells = enumerate(zip(pictures.contents, pictures.names, strict=True), start=1)
    return [
        name if content is None else Path(name or "").name or f"row {row}"
        for row, (content, name) in cells
    ]


def _from_text(content: bytes, where: str) -> pd.DataFrame:
    if content.startswith(UTF16):
        raise refuse(where, "its encoding is UTF-16", "save it as CSV in UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refuse(where, f"line {line} is not UTF-8", "save it as CSV in UTF-8") from None
    lines = enumerate(io.StringIO(text, newline=None), start=1)
    number, first = next(
        ((number, line.strip()) for number, line in lines if line.strip()), (0, "")
    )
    if not first:
        raise ValueError("empty")
    here = f"line {number}"
    if first.lower().startswith("sep="):
        raise refuse(
            where, "its first line names the separator and is no header", "take that line out"
        )
    if first.startswith("#"):
        raise refuse(where, f"{here} is a comment and no header", "take that line out")
    if first.startswith(("{", "[")):
        raise refuse(where, "it is JSON", "save it as CSV in UTF-8, or as Parquet")
    separator = _separator(text)
    records = _records(text, separator)
    _, header = next(records, (0, []))
    if not header:
        raise ValueError("empty")
    rows = list(records)
    usual = Counter(len(row) for _, row in rows).most_common(1)
    if usual and 2 * len(header) <= usual[0][0]:
        found = f"{here} is no header: it has {len(header)} cells, and most rows have {usual[0][0]}"
        raise refuse(
            where, found, "let the table begin with the names of its columns, one for each cell"
        )
    if long := [line for line, row in rows if len(row) > len(header)]:
        shown = ", ".join(map(str, long[:SHOWN_LINES])) + (
            ", ..." if len(long) > SHOWN_LINES else ""
        )
        found = f"more cells than the header in {len(long)} rows (line {shown})"
        raise refuse(
            where, found, f"take surplus separators out, or quote cells that hold a '{separator}'"
        )
    return pd.DataFrame(
        [row + [""] * (len(header) - len(row)) for _, row in rows], columns=header, dtype=object
    )


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a text with the lines they end in, from the first that is not blank; empty lines are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begun = False
    for row in reader:
        begun = begun or any(cell.strip() for cell in row)
        if begun and row:
            yield reader.line_num, row


def _separator(text: str) -> str:
    """Choose the separator that cuts the header and the first rows into equally many cells, more than one.

    Where that is none or several, the one that shows a column `file`, then the one that cuts the header most often.
    """

    def fitness(separator: str) -> tuple[bool, bool, int]:
        first: list[list[str]] = []
        with suppress(csv.Error):  # said later, of the separator that is chosen
            first.extend(
                row for _, row in itertools.islice(_records(text, separator), 1 + LOOKED_AT)
            )
        counts = {len(row) for row in first}
        header = first[0] if first else []
        return len(counts) == 1 and counts != {1}, FILE in header, len(header)

    return max(SEPARATORS, key=fitness)  # the comma where they are equal


def _check_columns(
    table: pd.DataFrame,
    columns: Sequence[str],
    if_there: Sequence[str],
    not_text: set[str],
    where: str,
) -> None:
    """Refuse what is missing, named twice or reserved; a name that the config does not give may be data, not shown."""
    problems = Problems()
    names = [str(column) for column in table.columns]
    asked = list(dict.fromkeys([FILE, *columns]))
    for column in dict.fromkeys([*asked, *if_there]):
        alike = [name for name in names if normalised(name) == normalised(column) is not None]
        if column in names:
            continue
        if column in not_text:
            problems.add(
                where,
                f"column '{column}' holds neither text nor numbers",
                "save its values as text",
            )
        elif alike:
            problems.add(where, f"no column '{column}', but '{alike[0]}'", "write both alike")
        elif column in asked:
            problems.add(where, f"no column '{column}'", "add it, or correct the config")
    if "file_name" in names and FILE not in names:
        problems.add(where, "a column is called 'file_name'", f"rename it to '{FILE}'")
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        places = ", ".join(str(place) for place, each in enumerate(names, start=1) if each == name)
        known = f" '{name}'" if name in (*asked, *if_there) else ""
        problems.add(where, f"columns {places} have one name{known}", "rename all but one")
    for name in (ROW, EMBEDDED):
        if name in names:
            problems.add(where, f"a column is called '{name}'", "rename it: the name is reserved")
    if table.empty:
        problems.add(where, "no rows", "give at least one picture")
    problems.raise_if_any()


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


def resolve_inside(root: str | Path, name: str) -> Path | None:
    """The file a manifest row means, or None if it lies outside the root (`..`, absolute path, symbolic link).

    A name may be written in composed or decomposed Unicode, as Macs do, whatever the file system holds.
    """
    base = Path(root).resolve()
    spellings = dict.fromkeys(
        (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
    )
    try:
        paths = [(base / spelling).resolve() for spelling in spellings]
        path = next((path for path in paths if path.exists()), paths[0])
    except (OSError, RuntimeError, ValueError):
        return None
    return path if path.is_relative_to(base) else None


def files_of(rows: pd.DataFrame, root: str | Path) -> "pd.Series[str]":
    """What file each row means, however its name is written; None where there is none.

    A picture inside the manifest is told by its content.
    """
    contents = rows[EMBEDDED] if EMBEDDED in rows.columns else [None] * len(rows)
    return pd.Series(
        [_file_of(name, content, root) for name, content in zip(rows[FILE], contents, strict=True)],
        index=rows.index,
        dtype=object,
    )


def _file_of(name: str | None, content: bytes | None, root: str | Path) -> str | None:
    if content is not None:
        return hashlib.sha256(content).hexdigest()
    path = resolve_inside(root, name) if name and name.strip() else None
    return str(path) if path is not None and path.is_file() else None


def digest_of_listed(manifest: str | Path, root: str | Path) -> str:
    """Digest of a manifest's content and of the name, size and time of every file that it lists.

    A picture that is replaced, repaired or deleted changes it, and so does a manifest that is restored with an older
    date. A manifest that cannot be read counts by its content; intake says what is wrong with it.
    """
    digest = hashlib.sha256()
    try:
        digest.update(Path(manifest).read_bytes())
        names = read_manifest(manifest, [])[FILE].dropna()
    except (OSError, AvatarflowError):
        return digest.hexdigest()[:16]
    for name in names if Path(root).is_dir() else ():
        path = resolve_inside(root, name)
        facts = path.stat() if path is not None and path.is_file() else None
        digest.update(f"{name}\0{facts and (facts.st_size, facts.st_mtime_ns)}\n".encode())
    return digest.hexdigest()[:16]


def advice_on_name(name: str) -> str:
    """What is odd about a file name that leads to nothing, in a few words without the name; empty if nothing is."""
    if len(name) > 1 and name[1] == ":":
        return "a Windows path"
    if "\\" in name:
        return "backslashes in the name"
    return "blanks around the name" if name != name.strip() else ""
