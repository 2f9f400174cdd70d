"""Parquet manifests as text, converted by Arrow so that no digit of an identifier is lost on the way."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from avatarflow.core.errors import refuse

from .parquet_bounds import IMAGE, MOST_BYTES, plain, read_bounded
from .time_columns import as_time, is_time

UNNAMED_INDEX = re.compile(r"__index_level_\d+__")
BINARY = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
)
TEXT = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
BY_ARROW = (*TEXT, *BINARY, pa.types.is_integer, pa.types.is_decimal)


@dataclass
class EmbeddedPictures:
    """Pictures inside a table: the content of each file and its name, None where there is none."""

    contents: list[bytes | None]
    names: list[str | None]


@dataclass
class TextTable:
    """A manifest as text: None where a cell is empty."""

    table: pd.DataFrame
    pictures: EmbeddedPictures | None = None
    # columns that are left out, and what they hold
    not_taken: dict[str, str] = field(default_factory=dict)
    # columns of dates, times and durations as such: as text, days do not compare as their times do
    times: dict[str, pa.ChunkedArray] = field(default_factory=dict)


def read_parquet(source: Path | bytes, where: str) -> TextTable:
    """Read the columns as text, and the pictures inside the table, if there are any.

    Those are pictures as the Hugging Face `datasets` library writes them: a column `image` of bytes and path.

    Raises
    ------
    AvatarflowError
        For two columns `image`, for one whose bytes are none, and for pictures beyond the limit.
    """
    read, too_large = read_bounded(source, where)
    names = [str(name) for name in read.column_names]
    if names.count(IMAGE) > 1:
        raise refuse(
            where, f"{names.count(IMAGE)} columns are called '{IMAGE}'", "rename all but one"
        )
    pictures = _pictures(read.column(names.index(IMAGE)), where) if IMAGE in names else None
    texts: list[list[str | None]] = []
    labels: list[str] = []
    not_taken = dict.fromkeys(too_large, f"more than {MOST_BYTES // 2**20} MiB")
    times: dict[str, pa.ChunkedArray] = {}
    for name, column in zip(names, read.columns, strict=True):
        if UNNAMED_INDEX.fullmatch(name) or (pictures and name == IMAGE):
            continue
        try:
            values = _as_text(column)
            if values is not None and is_time(column):
                times[name] = as_time(column)
        except (pa.ArrowException, KeyError):  # a zone that is not known
            values = None
        if values is None:
            not_taken[name] = "neither text nor numbers"
        else:
            texts.append(values)
            labels.append(name)
    table = pd.DataFrame(dict(enumerate(texts)), index=range(read.num_rows), dtype=object)
    table.columns = pd.Index(labels, dtype=object)
    return TextTable(table, pictures, not_taken, times)


def _pictures(column: pa.ChunkedArray, where: str) -> EmbeddedPictures | None:
    """Take out content and names; None where the column is no struct with bytes."""
    kind = column.type
    parts = [part.name for part in kind] if pa.types.is_struct(kind) else []
    if "bytes" not in parts:
        return None
    written = plain(pc.struct_field(column, [parts.index("bytes")]))
    if not _is(written.type, BINARY) and column.null_count < len(column):
        found = f"the bytes of column '{IMAGE}' are of another type than binary"
        raise refuse(
            where,
            found,
            "write the content of each picture file there, as the datasets library does",
        )
    contents = written.to_pylist()
    paths = (
        plain(pc.struct_field(column, [parts.index("path")])).to_pylist()
        if "path" in parts
        else [None] * len(column)
    )
    return EmbeddedPictures(
        contents, [path if isinstance(path, str) and path else None for path in paths]
    )


def _as_text(column: pa.ChunkedArray) -> list[str | None] | None:
    """Write each value as text; whole numbers stay whole, also where a missing cell made floats of them."""
    kind: Any = column.type
    if pa.types.is_dictionary(kind):
        return _as_text(plain(column))
    if isinstance(kind, pa.BaseExtensionType):
        nested = pa.types.is_nested(kind.storage_type)
        return (
            None
            if nested
            else [None if value is None else str(value) for value in column.to_pylist()]
        )
    if pa.types.is_nested(kind):
        return None
    if pa.types.is_floating(kind):
        return _floats_as_text(column.to_pandas())
    try:
        if _is(kind, BY_ARROW):
            texts: list[str | None] = column.cast(pa.string()).to_pylist()
            return texts
        values = column.to_pandas().astype("string").astype(object)
    except (
        pa.ArrowException,
        ValueError,
        OverflowError,
    ):
        # bytes that are no text, dates out of range
        return None
    return list(values.where(values.notna(), None))


def _floats_as_text(values: "pd.Series[float]") -> list[str | None]:
    known = values.dropna()
    whole = bool(np.isfinite(known).all() and (known % 1 == 0).all())
    return [
        None if value != value else str(int(value) if whole else value)
        for value in values.to_numpy()
    ]


def _is(kind: Any, tests: tuple[Any, ...]) -> bool:
    return any(test(kind) for test in tests)
