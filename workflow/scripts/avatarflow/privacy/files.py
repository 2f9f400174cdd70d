"""Files between the privacy steps: arrays, and whose encoder made them. No torch, no faiss."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from ..paths import replacing


def save_rows(path: str | Path, rows: npt.NDArray[np.float32]) -> None:
    """Write fingerprints whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, rows, allow_pickle=False)


def load_rows(path: str | Path) -> npt.NDArray[np.float32]:
    """Fingerprints as a memory map."""
    rows: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    return rows


def encoder_digest(path: str | Path) -> str:
    """The digest in an encoder file's header."""
    with safe_open(str(path), "np") as file:
        return str(json.loads(file.metadata()["encoder"])["digest"])
