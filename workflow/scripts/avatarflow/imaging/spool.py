"""Pictures of one size on disk, read by rows: steps that come back to pictures need no memory for all of them."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Mask, Pictures

from .shards import iterate


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


class OnDisk(_ByRows):
    """Rows of one shape in a file without a name: it vanishes with the process, also where that is killed.

    Rows are read into memory, not mapped into it: a map would count what it has read as the process's own.

    Parameters
    ----------
    folder : path or None
        Where the file lies; the system's folder for temporary files where None.
    shape : tuple of int
        Of one row.
    dtype : type
        Of its values.
    """

    def __init__(
        self, folder: str | Path | None, shape: tuple[int, ...], dtype: npt.DTypeLike
    ) -> None:
        self.folder = folder
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 (lives as long as the rows)
        self._shape, self._dtype = shape, np.dtype(dtype)
        self._bytes = int(np.prod(shape)) * self._dtype.itemsize
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array (n, *shape)."""
        return (self._count, *self._shape)

    def append(self, row: npt.NDArray[Any]) -> int:
        """Add a row and return its place."""
        self._write(row[None])
        return self._count - 1

    def extend(self, rows: Iterable[npt.NDArray[Any]]) -> None:
        """Add rows: those of an array at once, others one after another."""
        for part in (rows,) if isinstance(rows, np.ndarray) else (row[None] for row in rows):
            self._write(part)

    def _write(self, rows: npt.NDArray[Any]) -> None:
        if rows.shape[1:] != self._shape or rows.dtype != self._dtype:
            raise ValueError(
                f"spool: {rows.dtype} of shape {rows.shape[1:]}; give {self._dtype} of {self._shape}"
            )
        # its own bytes, not a copy of them
        content = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
        start = self._count * self._bytes
        while content:  # a write takes 2 GB at most
            written = os.pwrite(self._file.fileno(), content, start)
            content, start = content[written:], start + written
        self._count += len(rows)

    def __getitem__(self, rows: Any) -> npt.NDArray[Any]:
        """Read rows as an array would give them: one by its number, several by a slice, numbers or a mask."""
        places = np.arange(self._count)[rows]
        if places.ndim == 0:
            one: npt.NDArray[Any] = self.consecutive(int(places), int(places) + 1)[0]
            return one
        out = np.empty((len(places), *self._shape), self._dtype)
        for target, place in enumerate(places.tolist()):
            out[target] = self.consecutive(place, place + 1)[0]
        return out

    def consecutive(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read rows that follow each other at once, sooner than as a slice; not to be written to."""
        size = self._bytes * (stop - start)
        content = os.pread(self._file.fileno(), size, start * self._bytes)
        return np.frombuffer(content, self._dtype).reshape(stop - start, *self._shape)


class Spool(OnDisk):
    """Square pictures on disk, as raw bytes: 3 * side * side each.

    >>> spool = Spool(None, 8)
    >>> spool.append(np.zeros((8, 8, 3), np.uint8))
    0
    >>> spool[[0, 0]].shape
    (2, 8, 8, 3)

    Parameters
    ----------
    side : int
        Edge of the pictures, in pixels.
    """

    def __init__(self, folder: str | Path | None, side: int) -> None:
        super().__init__(folder, (side, side, 3), np.uint8)


class Chosen(_ByRows):
    """Some pictures of a spool, in an order of their own; they are read when they are asked for."""

    def __init__(self, spool: Spool, places: npt.ArrayLike) -> None:
        self.spool, self.places = spool, np.asarray(places, np.int64)
        self.folder = spool.folder

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array (n, side, side, 3)."""
        return (len(self.places), *self.spool.shape[1:])

    def __getitem__(self, rows: Any) -> Pictures:
        return self.spool[self.places[rows]]


Stored = Pictures | Spool | Chosen
"""Pictures in memory or on disk: both have a shape and are read by rows."""


def choose(pictures: Stored, rows: Any) -> Stored:
    """Return the pictures of some rows (numbers, a slice or a mask); those on disk stay there."""
    if isinstance(pictures, np.ndarray):
        chosen: Pictures = pictures[rows]
        return chosen
    if isinstance(pictures, Chosen):
        return Chosen(pictures.spool, pictures.places[rows])
    return Chosen(pictures, np.arange(len(pictures))[rows])


def folder_of(pictures: Stored) -> str | Path | None:
    """Return where pictures lie on disk, for files that belong with them; None for those in memory."""
    return None if isinstance(pictures, np.ndarray) else pictures.folder


def spooled(source: str | Path, wanted: Mask | None = None) -> Spool:
    """Decode a shard set once, or the wanted pictures of it, for steps that read them several times or out of order."""
    spool: Spool | None = None
    for block in iterate(source, wanted=wanted):
        spool = spool or Spool(Path(source).parent, block.shape[1])
        spool.extend(block)
    return spool or Spool(None, next(iterate(source, block=1), np.zeros((0, 1))).shape[1])


def content_digest(pictures: Stored, further: bytes = b"") -> str:
    """Return the SHA-256 of the bytes of all pictures, one after another, and of some further bytes."""
    hashed = hashlib.sha256()
    for picture in pictures:
        hashed.update(picture.tobytes())
    hashed.update(further)
    return hashed.hexdigest()
