"""Generators of this family on disk: safetensors and JSON only."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from avatarflow.core.paths import replacing_folder
from avatarflow.generators.codec import Codec
from avatarflow.generators.parts import (
    INDEX,
    read_codec,
    read_index,
    read_part,
    write_part,
    write_values,
)

from .network import ConditionalVae
from .prior import Prior

PRIOR = "prior.safetensors"
NETWORK, CODEC = "network", "codec"


@dataclass(frozen=True)
class Parts:
    """An opened generator; `labels` are words by class id as text, `size_px` the side of its pictures."""

    network: ConditionalVae
    codec: Codec
    prior: Prior
    labels: dict[str, str]
    size_px: int

    def to(self, where: torch.device) -> "Parts":
        """Move all parts to a device."""
        prior = Prior(self.prior.means.to(where), self.prior.factor.to(where))
        return Parts(self.network.to(where), self.codec.to(where), prior, self.labels, self.size_px)


def save(parts: Parts, out: Path) -> None:
    """Write a generator's folder, whole or not at all; no file in it holds a path of this machine."""
    with replacing_folder(out) as folder:
        write_part(parts.network, folder / NETWORK)
        write_part(parts.codec, folder / CODEC)
        tensors = {"means": parts.prior.means, "factor": parts.prior.factor}
        save_file({name: each.cpu().contiguous() for name, each in tensors.items()}, folder / PRIOR)
        index = {
            "_class_name": ConditionalVae.__name__,
            "codec": type(parts.codec).__name__,
            "id2label": parts.labels,
            "size_px": parts.size_px,
        }
        write_values(folder / INDEX, index)


def load(folder: str | Path) -> Parts:
    """Open a generator's folder.

    Raises
    ------
    AvatarflowError
        If there is none of this family.
    """
    place = Path(folder)
    index = read_index(place, PRIOR, "variational autoencoder")
    network = read_part(ConditionalVae, place / NETWORK)
    codec = read_codec(index["codec"], place / CODEC)
    prior = Prior(**load_file(place / PRIOR))
    return Parts(network, codec, prior, index["id2label"], int(index["size_px"]))
