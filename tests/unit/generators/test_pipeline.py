"""Generators on disk: stock diffusers opens them in a fresh process."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.generators import codec as codecs
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.diffusion.network import build
from avatarflow.generators.diffusion.schedule import scheduler
from avatarflow.generators.pipeline import assemble, folder_digest, load, save
from avatarflow.generators.settings import Network

EYES = Conditions({"sex": ["female", "male"], "eye_side": ["left", "right"]})
OUTSIDER = """
import json, sys, torch
from diffusers import DiffusionPipeline
for folder in sys.argv[1:]:
    pipe = DiffusionPipeline.from_pretrained(folder)
    ids = pipe.get_label_ids(["female right", "male left", "right", "any"])
    images = pipe(class_labels=ids, guidance_scale=2.0, num_inference_steps=2, generator=torch.manual_seed(0)).images
    print(json.dumps([type(pipe).__name__, ids, images[0].size, images[0].mode]))
"""


def fresh(folder: Path, codec: str) -> Path:
    pictures = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    shape = Network(codec=codec, channels=(16, 32), attention=(), latent_channels=8)
    made = codecs.build(shape, pictures)
    model = build(shape, 16 // codecs.factor(made), made.config.latent_channels, seed=1)
    save(assemble(model, made, scheduler(1.0, 4.0), EYES.labels()), folder)
    return folder


def test_an_outsider_opens_it_with_diffusers_alone(tmp_path: Path) -> None:
    folders = [str(fresh(tmp_path / codec, codec)) for codec in ("pixel", "blocks")]
    child = subprocess.run(
        [sys.executable, "-c", OUTSIDER, *folders],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    said = [json.loads(line) for line in child.stdout.splitlines()]
    assert said == [["DiTPipeline", [1, 3, 7, 8], [16, 16], "RGB"]] * 2


def test_weights_are_safetensors_only(tmp_path: Path) -> None:
    names = {
        path.suffix for path in fresh(tmp_path / "pipe", "blocks").rglob("*") if path.is_file()
    }
    assert names == {".json", ".safetensors"}


def test_what_is_loaded_and_saved_again_has_equal_bytes(tmp_path: Path) -> None:
    first = fresh(tmp_path / "one", "blocks")
    save(load(first), tmp_path / "two")
    assert folder_digest(first) == folder_digest(tmp_path / "two")


def test_refuses_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(AvatarflowError, match="no diffusers folder there"):
        load(tmp_path)
