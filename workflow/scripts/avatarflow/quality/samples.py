"""A set of pictures with its table, as every measure here takes it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core import seeds
from avatarflow.imaging.shards import read_table
from avatarflow.imaging.spool import Stored, choose, spooled


class Sample(NamedTuple):
    """Pictures (n, height, width, 3) uint8 and one row of the table for each, in the same order.

    Pictures that were read from a shard set lie on disk, and so do choices of them.
    """

    pictures: Stored
    table: pd.DataFrame

    @classmethod
    def read(cls, folder: str | Path) -> "Sample":
        """Read a shard set."""
        return cls(spooled(folder), read_table(folder))

    def where(self, keep: npt.ArrayLike) -> "Sample":
        """Return the rows that a boolean mask or a list of positions names."""
        rows = np.asarray(keep)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        return Sample(choose(self.pictures, rows), self.table.iloc[rows].reset_index(drop=True))

    def at_most(self, count: int, seed: int, purpose: str) -> "Sample":
        """At most `count` rows, drawn without replacement and kept in order; bounds time and memory."""
        if len(self.table) <= count:
            return self
        rows = seeds.generator(seed, purpose).choice(len(self.table), count, replace=False)
        return self.where(np.sort(rows))

    def persons(self) -> npt.NDArray[np.int64]:
        """(n,) Number of the person of each picture, 0-based; without a `person` column every picture is its own."""
        if "person" not in self.table.columns:
            return np.arange(len(self.table))
        return np.unique(self.table["person"].to_numpy(), return_inverse=True)[1].astype(np.int64)
