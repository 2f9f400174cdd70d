"""Generators of this family on disk: safetensors and JSON only."""

from dataclasses import dataclass
from pathlib import Path

import torch

from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json, replacing_folder
from avatarflow.generators.codec import Codec
from avatarflow.generators.internal import INTERNAL
from avatarflow.generators.parts import (
    INDEX,
    read_codec,
    read_index,
    read_part,
    write_part,
    write_values,
)

from .network import Discriminator, Generator

GENERATOR, DISCRIMINATOR, CODEC = "generator", "discriminator", "codec"
MARK = f"{GENERATOR}/config.json"


@dataclass(frozen=True)
class Parts:
    """An opened generator; `labels` are words by class id as text, `size_px` the side of its pictures."""

    generator: Generator
    codec: Codec
    labels: dict[str, str]
    size_px: int

    def to(self, where: torch.device) -> "Parts":
        """Move all parts to a device."""
        return Parts(self.generator.to(where), self.codec.to(where), self.labels, self.size_px)


@dataclass(frozen=True)
class Judge:
    """An opened discriminator, and the alterations with which it was trained."""

    network: Discriminator
    augmentation: tuple[str, ...]


def save(parts: Parts, judge: Judge, released: bool, out: Path) -> None:
    """Write a generator's folder, whole or not at all; no file in it holds a path of this machine.

    Parameters
    ----------
    released : bool
        Whether the discriminator is released with the generator; otherwise it is named as internal.
    """
    with replacing_folder(out) as folder:
        write_part(parts.generator, folder / GENERATOR)
        write_part(judge.network, folder / DISCRIMINATOR)
        write_part(parts.codec, folder / CODEC)
        index = {
            "_class_name": Generator.__name__,
            "augmentation": list(judge.augmentation),
            "codec": type(parts.codec).__name__,
            "id2label": parts.labels,
            INTERNAL: [] if released else [DISCRIMINATOR],
            "size_px": parts.size_px,
        }
        write_values(folder / INDEX, index)


def load(folder: str | Path) -> Parts:
    """Open a generator's folder without its discriminator.

    Raises
    ------
    AvatarflowError
        If there is none of this family.
    """
    place = Path(folder)
    index = read_index(place, MARK, "generative adversarial network")
    generator = read_part(Generator, place / GENERATOR)
    codec = read_codec(index["codec"], place / CODEC)
    return Parts(generator, codec, index["id2label"], int(index["size_px"]))


def load_judge(folder: str | Path) -> Judge:
    """Open the discriminator in a generator's folder.

    Raises
    ------
    AvatarflowError
        If there is none.
    """
    place = Path(folder)
    if not (place / DISCRIMINATOR).is_dir():
        raise refuse(
            "discriminator",
            "the generator comes without one, as from a release",
            "name the folder that training has written",
        )
    network = read_part(Discriminator, place / DISCRIMINATOR)
    return Judge(network, tuple(read_json(place / INDEX)["augmentation"]))
