"""Parquet manifests as text, converted by Arrow so that no digit of an identifier is lost on the way.

They are read within a limit of memory: a few bytes of Parquet may stand for gigabytes.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from avatarflow.core.errors import refuse

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
IMAGE = "image"
MOST_BYTES = 256 * 2**20
"""Of a column of labels; a manifest of 5 million rows has no longer one."""
MOST_PICTURES = 2 * 2**30
"""Of the pictures inside a table, which are held in memory."""


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


def read_bounded(source: Path | bytes, where: str) -> tuple[pa.Table, set[str]]:
    """Read the columns of a Parquet file, or of its content, that are not too large.

    Returns
    -------
    The table, in which a text or the content of a picture that is repeated is held once; and the
    columns of labels that are left out because they are too large.

    Raises
    ------
    AvatarflowError
        If the pictures inside the table are too large.
    """
    with pq.ParquetFile(_opened(source), memory_map=True) as file:
        names, sizes = file.schema_arrow.names, _sizes(file.metadata)
        leaves = [file.metadata.schema.column(place) for place in range(file.metadata.num_columns)]
        repeating = {leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"}
    too_large = {name for name in names if sizes[name] > _most(name)}
    with pq.ParquetFile(_opened(source), memory_map=True, read_dictionary=list(repeating)) as file:
        kept = [name for name in dict.fromkeys(names) if name not in too_large]
        table = file.read(None if len(kept) == len(set(names)) else kept)
    columns = zip(table.column_names, table.columns, strict=True)
    expanded = {name for name, column in columns if _length(column) > _most(name)}
    if IMAGE in too_large | expanded:
        found = f"the pictures inside it take more than {MOST_PICTURES // 2**30} GiB"
        raise refuse(where, found, "give them as files, with the manifest beside them")
    return table.drop_columns(list(expanded)), too_large | expanded


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with every value written out."""
    dictionary = pa.types.is_dictionary(column.type)
    return column.cast(column.type.value_type) if dictionary else column


def _opened(source: Path | bytes) -> Path | pa.BufferReader:
    return source if isinstance(source, Path) else pa.BufferReader(source)


def _most(name: str) -> int:
    return MOST_PICTURES if name == IMAGE else MOST_BYTES


def _sizes(metadata: pq.FileMetaData) -> dict[str, int]:
    """Return the bytes of every top column, uncompressed, where a repeated value may count once."""
    sizes = dict.fromkeys(metadata.schema.to_arrow_schema().names, 0)
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            part = metadata.row_group(group).column(place)
            path = part.path_in_schema
            name = path if path in sizes else path.partition(".")[0]
            sizes[name] = sizes.get(name, 0) + part.total_uncompressed_size
    return sizes


def _length(column: pa.ChunkedArray) -> int:
    """Return the bytes that a column would take with every value written out."""
    kind = column.type
    if pa.types.is_struct(kind):
        return sum(_length(pc.struct_field(column, [place])) for place in range(len(kind)))
    if not pa.types.is_dictionary(kind):
        return int(column.nbytes)
    total = 0
    for chunk in column.chunks:
        lengths = pc.binary_length(chunk.dictionary) if _has_lengths(kind.value_type) else None
        if lengths is None:
            total += 8 * len(chunk)
            continue
        counts = np.bincount(
            chunk.indices.drop_null().to_numpy(zero_copy_only=False), minlength=len(lengths)
        )
        total += int(counts @ lengths.fill_null(0).to_numpy(zero_copy_only=False))
    return total


def _has_lengths(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_binary,
        pa.types.is_large_binary,
    )
    return any(test(kind) for test in tests)
