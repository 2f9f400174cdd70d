"""Picture shards: Parquet files with an image column that pandas, DuckDB and the `datasets` library open.

A shard set is a folder of `00000.parquet`, `00001.parquet`, ...; each row is one picture (PNG bytes) and its columns.
"""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from avatarflow.core.arrays import Mask, Pictures
from avatarflow.core.errors import refuse
from avatarflow.core.parquet import parquet_writer
from avatarflow.core.paths import replacing_folder

IMAGE = "image"
PER_SHARD = 512
PER_GROUP = 128  # rows of a row group
BLOCK = 32  # pictures decoded at a time where the caller does not say: 6 MB at 256 px, 100 MB at 1024 px


def encode_png(picture: Pictures) -> bytes:
    """One (height, width, 3) uint8 picture as PNG bytes without any metadata."""
    buffer = io.BytesIO()
    Image.fromarray(picture, "RGB").save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def decode_png(data: bytes) -> Pictures:
    """PNG bytes that this project wrote, as (height, width, 3) uint8."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def write_shard(path: str | Path, pictures: Any, table: pd.DataFrame) -> None:
    """Write one shard, under a temporary name first.

    Parameters
    ----------
    path : path
        The `.parquet` file.
    pictures : (n, height, width, 3) uint8
        An array, or a spool: its pictures are read one by one.
    table : (n rows)
        Further columns, in the order of the pictures.

    Raises
    ------
    ValueError
        If pictures and rows differ in number.
    """
    if len(pictures) != len(table):
        raise ValueError(
            f"write_shard: {len(pictures)} pictures but {len(table)} rows; pass one row per picture"
        )
    _write(path, (encode_png(picture) for picture in pictures), table)


def _write(path: str | Path, images: Iterable[bytes], table: pd.DataFrame) -> None:
    """Write one shard of encoded pictures, row group by row group: only one of these is held as Arrow's and Parquet's.

    Parameters
    ----------
    images : n PNG
        May be made as they are asked for.
    table : (n rows)
    """
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = pa.Table.from_pandas(table.reset_index(drop=True), preserve_index=False)
    schema = rows.schema.insert(0, pa.field(IMAGE, kind))
    schema = schema.with_metadata(
        {"huggingface": json.dumps({"info": {"features": _features(schema)}})}
    )
    waiting = iter(images)
    with parquet_writer(path, schema) as file:
        for start in range(0, max(len(table), 1), PER_GROUP):
            group = rows.slice(start, PER_GROUP)
            column = [{"bytes": next(waiting), "path": None} for _ in range(len(group))]
            file.write_table(group.add_column(0, schema.field(IMAGE), pa.array(column, kind)))


class ShardWriter:
    """Write a shard set bit by bit, cut by picture count, so that its bytes do not depend on who made the pictures.

    Pictures wait as PNG bytes, a shard of them at most, and not as arrays.
    """

    def __init__(self, folder: str | Path, per_shard: int = PER_SHARD) -> None:
        self.folder, self.per_shard, self.number = Path(folder), per_shard, 0
        self._images, self._tables = list[bytes](), list[pd.DataFrame]()

    def append(self, pictures: Pictures, table: pd.DataFrame) -> None:
        """Add pictures and their rows; whole shards are written at once."""
        for start in range(0, len(table), self.per_shard):
            rows = slice(start, start + self.per_shard)
            self._images += [encode_png(picture) for picture in pictures[rows]]
            self._tables.append(table.iloc[rows])
            if len(self._images) >= self.per_shard:
                self._write_first()

    def close(self, empty: pd.DataFrame) -> None:
        """Write what is waiting; a set without any picture is one empty shard with the columns of `empty`."""
        if not self.number and not self._images:
            self._tables = [empty]
        if self._images or not self.number:
            self._write_first()

    def _write_first(self) -> None:
        """Write the first shard of what is waiting and keep the rest waiting."""
        rows, count = pd.concat(self._tables, ignore_index=True), self.per_shard
        path = self.folder / f"{self.number:05d}.parquet"
        _write(path, self._images[:count], rows.iloc[:count])
        self._images, self._tables = self._images[count:], [rows.iloc[count:]]
        self.number += 1


def write_shards(
    folder: str | Path, pictures: Any, table: pd.DataFrame, per_shard: int = PER_SHARD
) -> None:
    """Write a shard set cut by picture count, whole or not at all; an older one in the folder is replaced.

    Parameters
    ----------
    pictures : (n, size, size, 3) uint8
        An array, or a spool: its pictures are read one by one.
    table : (n rows)
    """
    if len(pictures) != len(table):
        raise ValueError(
            f"write_shards: {len(pictures)} pictures but {len(table)} rows; pass one row per picture"
        )
    with replacing_folder(folder) as target:
        for number, start in enumerate(range(0, max(len(table), 1), per_shard)):
            rows = range(start, min(start + per_shard, len(table)))
            images = (encode_png(pictures[row]) for row in rows)
            _write(target / f"{number:05d}.parquet", images, table.iloc[rows.start : rows.stop])


def shard_files(source: str | Path) -> list[Path]:
    """The shards of a folder in order, or the one file named."""
    source = Path(source)
    files = [source] if source.is_file() else sorted(source.glob("*.parquet"))
    if not files:
        raise refuse(str(source), "no picture shard here", "run the step that writes it")
    return files


def read_table(source: str | Path) -> pd.DataFrame:
    """All columns but the pictures."""
    parts = []
    for path in shard_files(source):
        names = [name for name in pq.read_schema(path).names if name != IMAGE]
        parts.append(pq.read_table(path, columns=names).to_pandas())
    joined: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return joined


def count_rows(source: str | Path) -> int:
    """Return how many pictures a shard set has."""
    return sum(pq.read_metadata(path).num_rows for path in shard_files(source))


class Column:
    """One column of a shard set, read shard by shard as slices ask for it; memory does not grow with the set."""

    def __init__(self, source: str | Path, name: str) -> None:
        self.name = name
        self.files = shard_files(source)
        self.ends = np.cumsum([pq.read_metadata(path).num_rows for path in self.files])
        self._last: tuple[int, list[Any]] = (-1, [])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, rows: slice) -> list[Any]:
        start, stop, _ = rows.indices(len(self))
        found: list[Any] = []
        first_shard, last_shard = np.searchsorted(self.ends, [start, stop - 1], "right")
        for number in range(first_shard, last_shard + 1 if stop > start else first_shard):
            before = int(self.ends[number - 1]) if number else 0
            found += self._shard(number)[max(0, start - before) : stop - before]
        return found

    def _shard(self, number: int) -> list[Any]:
        if self._last[0] != number:
            self._last = (
                number,
                pq.read_table(self.files[number], columns=[self.name])[self.name].to_pylist(),
            )
        return self._last[1]


def unreadable(source: str | Path) -> Callable[[slice], Mask]:
    """Return a function of consecutive rows that says which of their pictures could not be read (`reason` says why)."""
    if "reason" not in pq.read_schema(shard_files(source)[0]).names:
        return lambda rows: np.zeros(rows.stop - rows.start, bool)
    reasons = Column(source, "reason")
    return lambda rows: np.array([reason != "" for reason in reasons[rows]], bool)


def iterate(
    source: str | Path, block: int = BLOCK, wanted: Mask | None = None
) -> Iterator[Pictures]:
    """Yield pictures in order, in blocks of at most `block`; memory does not grow with the set.

    Parameters
    ----------
    wanted : (rows of the set,) bool, optional
        The pictures to yield; the others are not decoded.
    """
    done = 0
    for path in shard_files(source):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=block, columns=[IMAGE]):
                images = batch.column(0).field("bytes").to_pylist()
                rows = range(len(images))
                chosen = rows if wanted is None else np.flatnonzero(wanted[done : done + len(rows)])
                done += len(rows)
                if len(chosen):
                    yield np.stack([decode_png(images[row]) for row in chosen])


def read_pictures(source: str | Path, wanted: Mask | None = None) -> Pictures:
    """Read the pictures of a shard set, or the wanted ones of it, as (n, height, width, 3) uint8."""
    blocks = list(iterate(source, wanted=wanted))
    if blocks:
        return np.concatenate(blocks)
    return next(iterate(source, block=1), np.zeros((0, 1, 1, 3), np.uint8))[:0]


def recut(parts: list[str], folder: str | Path, per_shard: int = PER_SHARD) -> None:
    """Join shards in the given order and cut them again by picture count, so that their former cuts leave no trace."""
    with replacing_folder(folder) as target:
        writer, table = ShardWriter(target, per_shard), pd.DataFrame()
        for part in parts:
            table, done = read_table(part), 0
            for block in iterate(part, BLOCK):
                writer.append(block, table.iloc[done : done + len(block)])
                done += len(block)
        writer.close(table[:0])


def _features(schema: pa.Schema) -> dict[str, dict[str, str]]:
    """What the `datasets` library reads from the schema's metadata to decode the image column."""
    features = {}
    for field in schema:
        kind = (
            "string"
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
            else str(field.type)
        )
        kind = {"double": "float64", "float": "float32"}.get(kind, kind)
        features[field.name] = (
            {"_type": "Image"} if field.name == IMAGE else {"dtype": kind, "_type": "Value"}
        )
    return features
