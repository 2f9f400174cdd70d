"""Latents that are not all held in memory: encoded once and read from disk, or encoded anew for each batch."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch

from avatarflow.generators import codec as codecs
from avatarflow.imaging.spool import OnDisk, Stored, folder_of


class OnDemand:
    """Latents of an encoder that costs next to nothing: on disk they would take more than the pictures.

    Parameters
    ----------
    pictures : (n, size, size, 3) uint8
    encode : function
        Of some pictures (k, size, size, 3) to their latents (k, c, h, w).
    """

    def __init__(self, pictures: Stored, encode: Callable[[np.ndarray], torch.Tensor]) -> None:
        self.pictures, self.encode = pictures, encode

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        """(k,) row numbers to (k, c, h, w)."""
        return self.encode(self.pictures[rows.numpy()])


class Encoded:
    """Latents (n, c, h, w) float32 on disk.

    Parameters
    ----------
    blocks : of (k, c, h, w)
        All latents in order.
    folder : path or None
        Where they lie, as a file without a name.
    """

    def __init__(self, blocks: Iterable[torch.Tensor], folder: str | Path | None) -> None:
        self.rows: OnDisk | None = None
        self.layout = torch.contiguous_format
        for block in blocks:
            latents = block.numpy()
            if self.rows is None:
                self.rows = OnDisk(folder, latents.shape[1:], latents.dtype)
                self.layout = _layout(block)
            self.rows.extend(latents)

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        """(k,) row numbers to (k, c, h, w)."""
        if self.rows is None:
            raise IndexError("no latents")
        return torch.from_numpy(self.rows[rows.numpy()]).contiguous(memory_format=self.layout)


def _layout(latents: torch.Tensor) -> torch.memory_format:
    """Return how latents lie in memory: a network rounds by it, so that what is read must lie as what was encoded."""
    last = latents.is_contiguous(memory_format=torch.channels_last) and not latents.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def latents_of(codec: codecs.Codec, pictures: Stored) -> Encoded | OnDemand:
    """Latents of all pictures: the codec is fixed, so each picture is encoded once and not at every step.

    Only pixels themselves are encoded for each step: they would take four times the pictures on disk.
    """
    where = next(codec.parameters()).device
    if codecs.factor(codec) == 1:
        return OnDemand(
            pictures, lambda some: codecs.encode(codec, codecs.to_tensor(some).to(where)).cpu()
        )
    encoded = (codecs.encode(codec, batch.to(where)).cpu() for batch in codecs.batches(pictures))
    return Encoded(encoded, folder_of(pictures))
