"""Generators on disk: stock `diffusers.DiTPipeline` folders, safetensors only, read without a network."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from diffusers import (
    AutoencoderDC,
    AutoencoderTiny,
    DDIMScheduler,
    DiffusionPipeline,
    DiTPipeline,
    UNet2DModel,
)
from diffusers.utils import logging

from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json, replacing_folder

CONFIGS = ("model_index.json", "config.json", "scheduler_config.json", "tokenizer_config.json")


def assemble(
    network: UNet2DModel,
    codec: AutoencoderTiny | AutoencoderDC,
    scheduler: DDIMScheduler,
    labels: dict[int, str],
) -> DiTPipeline:
    """Return a pipeline of its parts; `labels` names the class ids."""
    pipe = DiTPipeline(transformer=network, vae=codec, scheduler=scheduler, id2label=labels)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def save(pipe: DiTPipeline, folder: Path, more: Mapping[str, str] | None = None) -> None:
    """Write a pipeline folder, whole or not at all, with `more` as for `write`."""
    pipe.register_to_config(id2label=words(pipe))
    write(pipe, folder, more or {})


def words(pipe: DiTPipeline) -> dict[str, str]:
    """Labels of a pipeline by class id as text, as `Conditions.words` gives them."""
    return {str(class_id): label for label, class_id in pipe.labels.items()}


def write(pipe: DiffusionPipeline, folder: Path, more: Mapping[str, str]) -> None:
    """Write any pipeline's folder, whole or not at all, with `more` files of text; no file names where it came from."""
    with replacing_folder(folder) as path:
        pipe.to("cpu").save_pretrained(path, safe_serialization=True)
        for config in [found for name in CONFIGS for found in path.rglob(name)]:
            values = read_json(config)
            for key in ("_name_or_path", "name_or_path"):  # where a part was loaded from
                values.pop(key, None)
            config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        for name, text in more.items():
            (path / name).write_text(text, encoding="utf-8")


def load(source: str | Path, network_allowed: bool = False) -> DiTPipeline:
    """Return a pipeline from a local folder, or from a hub id where the config allows the network.

    Raises
    ------
    AvatarflowError
        If there is no such folder, or it is not a class-conditional pipeline of the kind this project writes.
    """
    if not network_allowed and not (Path(source) / "model_index.json").is_file():
        raise refuse(
            "base",
            "no diffusers folder there",
            "name a local folder with model_index.json, or allow the network",
        )
    with quiet():
        pipe = DiTPipeline.from_pretrained(
            str(source), local_files_only=not network_allowed, use_safetensors=True
        )
    if not isinstance(pipe.transformer, UNet2DModel) or not isinstance(
        pipe.vae, AutoencoderTiny | AutoencoderDC
    ):
        raise refuse(
            "base",
            "a pipeline of other parts",
            "use a DiTPipeline of a UNet2DModel and one of the codecs",
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to ourselves what diffusers says about a UNet where it would expect a DiT, and its progress bars."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()


def folder_digest(folder: Path) -> str:
    """Digest of all files of a folder, names included; 16 hexadecimal digits."""
    total = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        total.update(
            path.relative_to(folder).as_posix().encode()
            + hashlib.sha256(path.read_bytes()).digest()
        )
    return total.hexdigest()[:16]
