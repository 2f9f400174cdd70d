"""Parquet columns of dates, times and durations, as a row filter compares them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

TIMES = "times"
"""Where `attrs` of a table holds its `TimeColumns`, if it has any."""


@dataclass(frozen=True, eq=False)
class TimeColumns:
    """The columns of a manifest that hold times, by name, one value per row of the manifest."""

    columns: Mapping[str, pa.ChunkedArray]

    def __deepcopy__(self, memo: dict[int, Any]) -> "TimeColumns":
        """Return the same: it never changes, and pandas copies `attrs` with every table."""
        return self


def is_time(column: pa.ChunkedArray) -> bool:
    """Whether a column holds dates, times or durations, also as a dictionary."""
    kind: Any = column.type
    return bool(pa.types.is_temporal(kind.value_type if pa.types.is_dictionary(kind) else kind))


def as_time(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of times as the engine of the row filter takes it.

    Returns
    -------
    ChunkedArray
        Timestamps without a zone (those with one: the wall clock of their zone), days, times of
        day or durations; microseconds where none is finer, as the engine compares those best.

    Raises
    ------
    ArrowException
        For a zone that is not known.
    """
    kind: Any = column.type
    if pa.types.is_dictionary(kind):
        return as_time(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        naive = pc.local_timestamp(column) if kind.tz else column
        return _in_microseconds(naive, pa.timestamp("us"))
    if pa.types.is_date(kind):
        return column.cast(pa.date32())
    if pa.types.is_time(kind):
        return _in_microseconds(column, pa.time64("us"))
    return _in_microseconds(column, pa.duration("us")) if pa.types.is_duration(kind) else column


def _in_microseconds(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    try:
        return column.cast(kind)
    except pa.ArrowInvalid:  # finer, or too far away
        return column
