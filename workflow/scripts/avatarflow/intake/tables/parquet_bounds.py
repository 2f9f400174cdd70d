"""Read Parquet within a limit of memory: a few bytes of it may stand for gigabytes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from avatarflow.core.errors import refuse

IMAGE = "image"
MOST_BYTES = 256 * 2**20
"""Of a column of labels; a manifest of 5 million rows has no longer one."""
MOST_PICTURES = 2 * 2**30
"""Of the pictures inside a table, which are held in memory."""


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
