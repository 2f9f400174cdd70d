"""Generators of this family on disk: safetensors and JSON only."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderDC, AutoencoderTiny
from safetensors.torch import load_file, save_file

from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json, replacing_folder
from avatarflow.generators.codec import Codec
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.pipeline import quiet

from .network import ConditionalVae
from .prior import Prior

INDEX, PRIOR = "model_index.json", "prior.safetensors"
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
        for name, part in ((NETWORK, parts.network), (CODEC, parts.codec)):
            part.to("cpu").save_pretrained(folder / name, safe_serialization=True)
            config = folder / name / "config.json"
            values = {
                key: value for key, value in read_json(config).items() if key != "_name_or_path"
            }
            _write(config, values)
        tensors = {"means": parts.prior.means, "factor": parts.prior.factor}
        save_file({name: each.cpu().contiguous() for name, each in tensors.items()}, folder / PRIOR)
        index = {
            "_class_name": ConditionalVae.__name__,
            "codec": type(parts.codec).__name__,
            "id2label": parts.labels,
            "size_px": parts.size_px,
        }
        _write(folder / INDEX, index)


def load(folder: str | Path) -> Parts:
    """Open a generator's folder.

    Raises
    ------
    AvatarflowError
        If there is none of this family.
    """
    place = Path(folder)
    if not (place / PRIOR).is_file() or not (place / INDEX).is_file():
        raise refuse(
            "base",
            "no variational autoencoder of this project there",
            "name a local folder that this family has written, or give base.pretrain",
        )
    index = read_json(place / INDEX)
    kind = AutoencoderDC if index["codec"] == AutoencoderDC.__name__ else AutoencoderTiny
    asked = {"local_files_only": True, "use_safetensors": True}
    with quiet():
        network = ConditionalVae.from_pretrained(place / NETWORK, **asked)
        codec = kind.from_pretrained(place / CODEC, **asked)
    codec.requires_grad_(False)
    prior = Prior(**load_file(place / PRIOR))
    return Parts(network, codec, prior, index["id2label"], int(index["size_px"]))


def labels_of(conditions: Conditions) -> dict[str, str]:
    """Words by class id as text, as JSON holds them."""
    return {str(class_id): label for class_id, label in conditions.labels().items()}


def _write(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
