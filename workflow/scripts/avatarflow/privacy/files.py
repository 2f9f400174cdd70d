"""Files between the privacy steps: arrays, and whose encoder made them. No torch, no faiss."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from ..errors import refuse
from ..paths import replacing


def save_rows(path: str | Path, rows: npt.NDArray[np.float32]) -> None:
    """Write fingerprints whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, rows, allow_pickle=False)


def load_rows(path: str | Path) -> npt.NDArray[np.float32]:
    """Fingerprints as a memory map."""
    rows: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    return rows


class RowFile:
    """Fingerprints read from their file block by block; unlike a memory map it never fills memory with what was read.

    Raises
    ------
    AvatarflowError
        If the file is not a two-dimensional float32 array in C order.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        mapped = load_rows(path)
        if mapped.ndim != 2 or mapped.dtype != np.float32 or not mapped.flags.c_contiguous:
            found = f"an array of shape {mapped.shape} and type {mapped.dtype}"
            raise refuse(self.path.name, found, "give (n, d) float32 fingerprints, as the fingerprint step writes them")
        self.shape = (int(mapped.shape[0]), int(mapped.shape[1]))
        self._start = int(getattr(mapped, "offset", 0))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> npt.NDArray[np.float32]:
        start, stop, _ = rows.indices(len(self))
        n, d = max(0, stop - start), self.shape[1]
        read = np.fromfile(self.path, np.float32, n * d, offset=self._start + 4 * d * start)
        return read.reshape(n, d)


def encoder_digest(path: str | Path) -> str:
    """The digest in an encoder file's header."""
    with safe_open(str(path), "np") as file:
        return str(json.loads(file.metadata()["encoder"])["digest"])
