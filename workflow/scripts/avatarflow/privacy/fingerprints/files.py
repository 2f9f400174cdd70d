"""Files between the privacy steps: fingerprints, and whose encoder made them. No torch, no faiss."""

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing

ROWS, ENCODER = "rows", "encoder"


def save_rows(path: str | Path, rows: npt.NDArray[np.float32], encoder: str) -> None:
    """Write fingerprints whole or not at all, with the digest of the encoder that made them."""
    with replacing(path) as temporary:
        save_file({ROWS: np.ascontiguousarray(rows)}, temporary, {ENCODER: encoder})


def write_rows(
    path: str | Path,
    shape: tuple[int, ...],
    parts: Iterable[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]],
    encoder: str,
) -> None:
    """Write what `save_rows` would, part by part as the fingerprints are made; only one part is held.

    Parameters
    ----------
    shape : (..., d)
        Of the whole.
    parts : of (k,) places and (k, d) rows
        In any order; a place is a row number of the whole flattened to (-1, d).

    Raises
    ------
    ValueError
        If the parts are not as many rows as the shape says.
    """
    width, total = 4 * shape[-1], math.prod(shape[:-1])
    header = {
        "__metadata__": {ENCODER: encoder},
        ROWS: {"dtype": "F32", "shape": list(shape), "data_offsets": [0, width * total]},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    written = 0
    with replacing(path) as temporary, temporary.open("wb", buffering=0) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        start = file.tell()
        for places, rows in parts:
            for run in np.split(np.arange(len(places)), np.flatnonzero(np.diff(places) != 1) + 1):
                content = np.ascontiguousarray(rows[run], np.float32).tobytes()
                os.pwrite(file.fileno(), content, start + width * int(places[run[0]]))
            written += len(places)
        if written != total:
            raise ValueError(f"write_rows: {written} rows; give the {total} of shape {shape}")


def load_rows(path: str | Path, encoder: str) -> npt.NDArray[np.float32]:
    """Fingerprints as a memory map.

    Raises
    ------
    AvatarflowError
        If the file holds no fingerprints, or those of another encoder than the one with this digest.
    """
    shape, start = _header(Path(path), encoder)
    rows: npt.NDArray[np.float32] = np.memmap(path, np.float32, "r", start, shape)
    return rows


class RowFile:
    """Fingerprints read from their file block by block; unlike a memory map it never fills memory with what was read.

    Raises
    ------
    AvatarflowError
        As `load_rows`, and if the fingerprints are not (n, d), or of perturbations (n, a, d) with `ndim` 3.
    """

    def __init__(self, path: str | Path, encoder: str, ndim: int = 2) -> None:
        self.path = Path(path)
        self.shape, self._start = _header(self.path, encoder)
        if self.ndim != ndim:
            raise _no_fingerprints(self.path, f"rows of shape {self.shape}")

    @property
    def ndim(self) -> int:
        """As of an array."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> npt.NDArray[np.float32]:
        start, stop, _ = rows.indices(len(self))
        n, size = max(0, stop - start), math.prod(self.shape[1:])
        read = np.fromfile(self.path, np.float32, n * size, offset=self._start + 4 * size * start)
        return read.reshape(n, *self.shape[1:])


class FlatRows:
    """Perturbations (n, a, d), an array or their file, as rows (n * count, d): the first `count` of each picture."""

    def __init__(self, altered: npt.NDArray[np.float32] | RowFile, count: int) -> None:
        self.altered, self.count = altered, count
        self.shape = (len(altered) * count, altered.shape[2])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> npt.NDArray[np.float32]:
        start, stop, _ = rows.indices(len(self))
        first = start // max(1, self.count)
        pictures = self.altered[first : -(-stop // max(1, self.count))][:, : self.count]
        before = first * self.count
        return pictures.reshape(-1, self.shape[1])[start - before : stop - before]


StoredRows = npt.NDArray[np.float32] | RowFile | FlatRows
"""Fingerprints (n, d) in memory or in a file: both have a shape and are read by slices."""


def _header(path: Path, encoder: str) -> tuple[tuple[int, ...], int]:
    """Shape of the rows and where in the file they begin, if the encoder with this digest made them."""
    try:
        with safe_open(str(path), "np") as file:
            metadata, names = file.metadata() or {}, list(file.keys())
    except SafetensorError:
        raise _no_fingerprints(path, "no safetensors file") from None
    with path.open("rb") as raw:  # eight bytes of length, the header in JSON, then the tensors
        length = int.from_bytes(raw.read(8), "little")
        header = json.loads(raw.read(length))
    if names != [ROWS] or header[ROWS]["dtype"] != "F32" or ENCODER not in metadata:
        raise _no_fingerprints(path, f"tensors {', '.join(names) or 'none'}")
    if metadata[ENCODER] != encoder:
        raise refuse(
            path.name,
            "fingerprints of another encoder",
            "delete the file and run again: its rule makes it anew",
        )
    return tuple(header[ROWS]["shape"]), 8 + length + header[ROWS]["data_offsets"][0]


def _no_fingerprints(path: Path, found: str) -> Exception:
    return refuse(
        path.name, found, "give (n, d) float32 fingerprints, as the fingerprint step writes them"
    )


def encoder_digest(path: str | Path) -> str:
    """Return the digest in an encoder file's header."""
    with safe_open(str(path), "np") as file:
        return str(json.loads(file.metadata()["encoder"])["digest"])
