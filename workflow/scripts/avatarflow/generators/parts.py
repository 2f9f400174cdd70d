"""Networks and codecs in the folders of families that are no diffusers pipeline: safetensors and JSON only."""

import json
from pathlib import Path
from typing import Any

from diffusers import AutoencoderDC, AutoencoderTiny
from diffusers.models.modeling_utils import ModelMixin

from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json

from .codec import Codec
from .pipeline import quiet

INDEX = "model_index.json"


def write_part(part: ModelMixin, folder: Path) -> None:
    """Write a network or codec; no file holds a path of this machine."""
    part.to("cpu").save_pretrained(folder, safe_serialization=True)
    config = folder / "config.json"
    values = {key: value for key, value in read_json(config).items() if key != "_name_or_path"}
    write_values(config, values)


def read_part(kind: Any, folder: Path) -> Any:
    """Open a network or codec of a class of diffusers' models."""
    with quiet():
        return kind.from_pretrained(folder, local_files_only=True, use_safetensors=True)


def read_codec(name: str, folder: Path) -> Codec:
    """Open a codec of the class of that name; it asks for no gradients."""
    kind = AutoencoderDC if name == AutoencoderDC.__name__ else AutoencoderTiny
    codec: Codec = read_part(kind, folder)
    codec.requires_grad_(False)
    return codec


def read_index(folder: Path, mark: str, name: str) -> Any:
    """Return the index of a family's folder.

    Parameters
    ----------
    mark : str
        The file that only this family's generators hold.
    name : str
        The family in words, for the refusal.

    Raises
    ------
    AvatarflowError
        If the folder is none of this family.
    """
    if not (folder / mark).is_file() or not (folder / INDEX).is_file():
        found = f"no {name} of this project there"
        do = "name a local folder that this family has written, or give base.pretrain"
        raise refuse("base", found, do)
    return read_json(folder / INDEX)


def write_values(path: Path, values: Any) -> None:
    """Write JSON with sorted keys."""
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
