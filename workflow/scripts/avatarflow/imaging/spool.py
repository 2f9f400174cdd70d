"""Pictures of one size on disk, read by rows: steps that come back to pictures need no memory for all of them."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Pictures

from .shards import iterate

BLOCK = 256


class _ByRows:
    """What a spool and a choice of it share: read all, or one after the other, as from an array."""

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, rows: Any) -> Pictures:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Pictures]:
        return (self[place] for place in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return self[:] if dtype is None else self[:].astype(dtype)


class Spool(_ByRows):
    """Pictures in a file without a name: it vanishes with the process, also where that is killed.

    >>> spool = Spool(None, 8)
    >>> spool.append(np.zeros((8, 8, 3), np.uint8))
    0
    >>> spool[[0, 0]].shape
    (2, 8, 8, 3)

    Parameters
    ----------
    folder : path or None
        Where the file lies; the system's folder for temporary files where None. Raw pictures take
        3 * side * side bytes each.
    side : int
        Edge of the square pictures, in pixels.
    """

    def __init__(self, folder: str | Path | None, side: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 (lives as long as the spool)
        self._shape = (side, side, 3)
        self._bytes = 3 * side * side
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As of an array (n, side, side, 3)."""
        return (self._count, *self._shape)

    def append(self, picture: Pictures) -> int:
        """Add a picture and return its place."""
        if picture.shape != self._shape or picture.dtype != np.uint8:
            raise ValueError(
                f"spool: a picture of shape {picture.shape}; give {self._shape} of uint8"
            )
        os.pwrite(
            self._file.fileno(), np.ascontiguousarray(picture).tobytes(), self._count * self._bytes
        )
        self._count += 1
        return self._count - 1

    def __getitem__(self, rows: Any) -> Pictures:
        """Read pictures as an array would give them: one by its number, several by a slice, numbers or a mask."""
        places = np.arange(self._count)[rows]
        if places.ndim == 0:
            return self._read(int(places))
        out = np.empty((len(places), *self._shape), np.uint8)
        for target, place in enumerate(places):
            out[target] = self._read(int(place))
        return out

    def _read(self, place: int) -> Pictures:
        content = os.pread(self._file.fileno(), self._bytes, place * self._bytes)
        return np.frombuffer(content, np.uint8).reshape(self._shape)


class Chosen(_ByRows):
    """Some pictures of a spool, in an order of their own; they are read when they are asked for."""

    def __init__(self, spool: Spool, places: npt.ArrayLike) -> None:
        self.spool, self.places = spool, np.asarray(places, np.int64)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As of an array (n, side, side, 3)."""
        return (len(self.places), *self.spool.shape[1:])

    def __getitem__(self, rows: Any) -> Pictures:
        return self.spool[self.places[rows]]


Stored = Pictures | Spool | Chosen
"""Pictures in memory or on disk: both have a shape and are read by rows."""


def spooled(source: str | Path) -> Spool:
    """Decode a shard set once, for steps that read it several times or out of order."""
    spool: Spool | None = None
    for block in iterate(source, BLOCK):
        spool = spool or Spool(Path(source).parent, block.shape[1])
        for picture in block:
            spool.append(picture)
    return spool or Spool(None, 1)
