"""Manifests: reading them, checking their columns, choosing rows with an expression that can run no code."""

import csv
import gzip
import hashlib
import io
import unicodedata
import zlib
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from avatarflow.core.errors import AvatarflowError, Problems, refuse

FILE = "file"
ROW = "row"  # 1-based number of the manifest's data row: the only name an original has outside intake
SEPARATORS = (",", ";", "\t")
SHOWN_LINES = 5
PARQUET, GZIP = b"PAR1", b"\x1f\x8b"
IMAGE, EMBEDDED = "image", "_embedded"
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_manifest(path: str | Path, columns: list[str]) -> pd.DataFrame:
    """Read a manifest as text columns, empty cells as None, with its 1-based row numbers.

    Parameters
    ----------
    path : path
        A table with a header and the column `file`: Parquet, or text in UTF-8 with commas, semicolons or tabs, gzipped
        or not. The kind is told by content, not by name.
    columns : list of str
        Further columns the config names; each must be there.

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
        table = _from_parquet(content) if content.startswith(PARQUET) else _from_text(content, where)
    except (OSError, EOFError, ValueError, csv.Error, pa.ArrowException, zlib.error) as error:
        found = f"cannot be read as a table ({type(error).__name__})"
        raise refuse(where, found, "save it as CSV in UTF-8, or as Parquet") from None
    _check_columns(table, columns, where)
    embedded = table.pop(EMBEDDED) if EMBEDDED in table.columns else None
    table = table.astype(object).where(table.notna() & (table != ""), None)
    if embedded is not None:
        table[EMBEDDED] = embedded
    table.insert(0, ROW, np.arange(1, len(table) + 1))
    return table


def _from_parquet(content: bytes) -> pd.DataFrame:
    """Columns as text; a named index is a column, and whole numbers that a missing cell made floats stay whole.

    Pictures inside the table, as the Hugging Face `datasets` library writes them (`image`: bytes and path), go to the
    column `EMBEDDED`; without a column `file` the path is the file's name, else the number of the row.
    """
    file = pq.ParquetFile(io.BytesIO(content))
    kind = file.schema_arrow.field(IMAGE).type if IMAGE in file.schema_arrow.names else None
    if kind is not None and pa.types.is_struct(kind) and "bytes" in [part.name for part in kind]:
        table = file.read().to_pandas()
        cells = [cell if isinstance(cell, dict) else {} for cell in table.pop(IMAGE)]
        read = _as_text(table)
        if FILE not in read.columns:
            paths = [Path(str(cell.get("path") or "")).name for cell in cells]
            read.insert(0, FILE, [path or f"row {row}" for row, path in enumerate(paths, start=1)])
        read[EMBEDDED] = pd.Series([cell.get("bytes") for cell in cells], dtype=object)
        return read
    return _as_text(file.read().to_pandas())


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    named = [name for name in table.index.names if name is not None]
    table = table.reset_index(named) if named else table
    for column in table.columns:
        values = table[column]
        if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
            table[column] = values.astype("Int64")
    return table.astype("string").astype(object).reset_index(drop=True)


def _from_text(content: bytes, where: str) -> pd.DataFrame:
    if content.startswith(UTF16):
        raise refuse(where, "its encoding is UTF-16", "save it as CSV in UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refuse(where, f"line {line} is not UTF-8", "save it as CSV in UTF-8") from None
    if not text.strip():
        raise ValueError("empty")
    first = text.partition("\n")[0].strip()
    if first.lower().startswith("sep="):
        raise refuse(where, "its first line names the separator and is no header", "take that line out")
    if first.startswith(("{", "[")):
        raise refuse(where, "it is JSON", "save it as CSV in UTF-8, or as Parquet")
    separator = max(SEPARATORS, key=first.count)  # the comma where they are equal
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header = next(lines, [])
    cells: list[list[str]] = []
    long: list[int] = []
    for record in lines:
        if len(record) > len(header):
            long.append(lines.line_num)
        elif record:
            cells.append(record + [""] * (len(header) - len(record)))
    if long:
        shown = ", ".join(map(str, long[:SHOWN_LINES])) + (", ..." if len(long) > SHOWN_LINES else "")
        found = f"more cells than the header in {len(long)} rows (line {shown})"
        raise refuse(where, found, f"take surplus separators out, or quote cells that hold a '{separator}'")
    return pd.DataFrame(cells, columns=header, dtype=object)


def _check_columns(table: pd.DataFrame, columns: list[str], where: str) -> None:
    problems = Problems()
    names = [str(column) for column in table.columns]
    for column in dict.fromkeys([FILE, *columns]):
        if column in names:
            continue
        alike = [name for name in names if _plain(name) == _plain(column)]
        if alike:
            problems.add(where, f"no column '{column}', but '{alike[0]}'", "write both alike")
        else:
            problems.add(where, f"no column '{column}'", "add it, or correct the config")
    if "file_name" in names and FILE not in names:
        problems.add(where, "a column is called 'file_name'", f"rename it to '{FILE}'")
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add(where, f"two columns are called '{name}'", "rename one")
    if ROW in names:
        problems.add(where, f"a column is called '{ROW}'", "rename it: the name is reserved")
    if table.empty:
        problems.add(where, "no rows", "give at least one picture")
    problems.raise_if_any()


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


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
    numeric = []
    for column in typed.columns:
        numbers = pd.to_numeric(typed[column], errors="coerce")
        if numbers.notna().sum() == typed[column].notna().sum() > 0:
            typed[column] = numbers
            numeric.append(str(column))
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
            advice = f"check names and quotes; columns of numbers are {', '.join(numeric)}, all others are text"
            raise refuse(where, found, advice) from None
    chosen = table[table[ROW].isin([row for (row,) in kept])]
    if chosen.empty:
        raise refuse(where, "no picture is left", "widen the selection")
    return chosen


def resolve_inside(root: str | Path, name: str) -> Path | None:
    """The file a manifest row means, or None if it lies outside the root (`..`, absolute path, symbolic link).

    A name may be written in composed or decomposed Unicode, as Macs do, whatever the file system holds.
    """
    base = Path(root).resolve()
    spellings = dict.fromkeys((name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)))
    try:
        paths = [(base / spelling).resolve() for spelling in spellings]
        path = next((path for path in paths if path.exists()), paths[0])
    except (OSError, RuntimeError, ValueError):
        return None
    return path if path.is_relative_to(base) else None


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
