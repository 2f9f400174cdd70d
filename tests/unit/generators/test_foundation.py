"""Tiny pipelines of the public classes, made here: fine-tuned fully and by LoRA, sampled, opened by diffusers alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiTPipeline,
    DiTTransformer2DModel,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import load_file
from squares import squares
from test_training import COMPUTE
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from avatarflow.core.errors import AvatarflowError
from avatarflow.generators.conditions import NULL, Conditions
from avatarflow.generators.foundation import family as foundation
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.imaging.shards import read_pictures, recut
from avatarflow.runs.context import Step
from avatarflow.runs.records import Run

EYES = Conditions({"sex": ["female", "male"], "eye_side": ["left", "right"]})
TINTS = Conditions({"tint": ["red", "blue"]})
PART = {"text": "unet", "class": "transformer"}
FILE = "diffusion_pytorch_model.safetensors"


def codec() -> AutoencoderKL:
    kind = {
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
    }
    return AutoencoderKL(
        block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, sample_size=16, **kind
    )


def tokenizer(folder: Path) -> CLIPTokenizer:
    """Of single letters."""
    folder.mkdir(parents=True)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(
        json.dumps({word: number for number, word in enumerate(words)})
    )
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16
    )


def text_base(folder: Path) -> None:
    words = tokenizer(folder / "made")
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=16, bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(16, 16), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=16, attention_head_dim=8, norm_num_groups=8,
    )  # fmt: skip
    schedule = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False
    )
    StableDiffusionPipeline(
        vae=codec(), text_encoder=encoder, tokenizer=words, unet=unet, scheduler=schedule, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder / "base")  # fmt: skip


def class_base(folder: Path) -> None:
    network = DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=2, sample_size=8,
        patch_size=2, num_embeds_ada_norm=1000, norm_num_groups=4,
    )  # fmt: skip
    pipe = DiTPipeline(network, codec(), DDIMScheduler())
    pipe.register_to_config(id2label={"0": "blue", "1": "cat"})
    pipe.save_pretrained(folder / "base")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bases")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        text_base(folder / "text")
        class_base(folder / "class")
    return {kind: folder / kind / "base" for kind in PART}


def tune(
    base: Path, folder: Path, method: str = "full", step: Step | None = None, **training: Any
) -> Path:
    pictures, table = squares(12)
    settings = {
        "steps": 4,
        "batch": 4,
        "warmup_steps": 0,
        "learning_rate": 1e-2,
        "ema_decay": 0.0,
        **training,
    }
    foundation.train(
        TrainingTask(
            pictures,
            table,
            TINTS,
            training=settings,
            compute=COMPUTE,
            seed=5,
            state=folder / "state",
            out=folder / "model",
            base=base,
            tuning={"method": method, "rank": 2},
        ),
        step or Step.null(),
    )
    return folder / "model"


OUTSIDER = """
import sys, torch
from diffusers import DiffusionPipeline
pipe = DiffusionPipeline.from_pretrained(sys.argv[1])
asked = pipe.get_label_ids(["red"]) if hasattr(pipe, "get_label_ids") else "Red"
image = pipe(asked, num_inference_steps=2, generator=torch.manual_seed(0)).images[0]
print(type(pipe).__name__, image.size)
"""


@pytest.mark.parametrize("kind", ["text", "class"])
def test_an_outsider_opens_what_was_tuned(
    bases: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    model = tune(bases[kind], tmp_path, "lora")
    suffixes = {path.suffix for path in model.rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".safetensors", ".txt"}
    assert not any(
        str(tmp_path.parent).encode() in path.read_bytes() for path in model.rglob("*.json")
    )
    child = subprocess.run(
        [sys.executable, "-c", OUTSIDER, str(model)], capture_output=True, text=True, check=True
    )
    name = "StableDiffusionPipeline" if kind == "text" else "DiTPipeline"
    assert child.stdout.splitlines()[-1] == f"{name} (16, 16)"


@pytest.mark.parametrize("kind", ["text", "class"])
def test_full_tuning_moves_every_block_and_lora_attention_alone(
    bases: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    before = load_file(bases[kind] / PART[kind] / FILE)
    moved: dict[str, set[str]] = {}
    for method in ("full", "lora"):
        after = load_file(tune(bases[kind], tmp_path / method, method) / PART[kind] / FILE)
        assert after.keys() == before.keys()
        moved[method] = {key for key in before if not torch.equal(before[key], after[key])}
    adapted = {
        key
        for key in before
        if any(part in key for part in (".to_q.", ".to_k.", ".to_v.", ".to_out.0."))
    }
    tables = {key for key in before if "embedding_table" in key}
    assert moved["lora"] == {key for key in adapted if key.endswith("weight")} | tables
    assert len(moved["full"]) > 0.8 * len(before)


@pytest.mark.parametrize("kind", ["text", "class"])
def test_loss_falls(bases: dict[str, Path], kind: str, tmp_path: Path) -> None:
    run = Run.null()
    tune(
        bases[kind],
        tmp_path,
        step=Step(Step.null().log, run),
        steps=40,
        batch=8,
        learning_rate=3e-3,
        log_steps=1,
    )
    losses = [row["value"] for row in run.metrics if row["name"] == "network.loss"]
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:5])


@pytest.mark.parametrize("kind", ["text", "class"])
def test_samples_do_not_depend_on_shards_and_follow_the_condition(
    bases: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    model, found = tune(bases[kind], tmp_path), []
    for shards in (1, 2):
        parts = [str(tmp_path / f"{shards}-{shard}.parquet") for shard in range(shards)]
        for shard, part in enumerate(parts):
            foundation.sample(
                model,
                SamplingTask(
                    TINTS,
                    sample={"steps": 2, "guidance": [2.0], "per_condition": 3},
                    compute={**COMPUTE, "micro_batch": 2},
                    seed=3,
                    stage="teacher",
                    shard=shard,
                    shards=shards,
                    state=tmp_path / "state",
                    out=Path(part),
                ),
                Step.null(),
            )
        recut(parts, tmp_path / f"pictures-{shards}", per_shard=10)
        found.append(read_pictures(tmp_path / f"pictures-{shards}"))
    np.testing.assert_array_equal(*found)
    assert found[0].shape == (6, 16, 16, 3)
    draw = foundation.ready(model, TINTS, foundation.Compute.of(COMPUTE))
    red, blue = (draw([asked], 4.0, [torch.Generator().manual_seed(1)], 2) for asked in (0, 1))
    assert np.abs(red - blue).max() > 0


def test_resumes_lora_bit_for_bit(bases: dict[str, Path], tmp_path: Path) -> None:
    class Stopping(Step):
        def progress(self, done: int, *_: Any, **__: Any) -> None:
            if done == 3:
                raise KeyboardInterrupt

    quiet = Step.null()
    with pytest.raises(KeyboardInterrupt):
        tune(
            bases["text"],
            tmp_path / "a",
            "lora",
            Stopping(quiet.log, quiet.run),
            checkpoint_steps=2,
        )
    resumed = tune(bases["text"], tmp_path / "a", "lora", checkpoint_steps=2)
    whole = tune(bases["text"], tmp_path / "b", "lora")
    assert (resumed / "unet" / FILE).read_bytes() == (whole / "unet" / FILE).read_bytes()


def test_captions_are_made_from_labels() -> None:
    made = foundation.captions(EYES, "{label}")
    assert made[EYES.complete()[1]] == "Female right"
    assert "Any" not in made.values()
    assert (
        foundation.captions(EYES, "Photo of an eye, {label}")[EYES.complete()[2]]
        == "Photo of an eye, Male left"
    )


def test_new_classes_of_a_transformer_start_from_known_labels_or_from_none(
    bases: dict[str, Path],
) -> None:
    before = foundation._tables(foundation.load(bases["class"]).transformer)
    pipe = foundation.start(squares(12)[0], TINTS, bases["class"])
    for old, new in zip(before, foundation._tables(pipe.transformer), strict=True):
        torch.testing.assert_close(new.weight[1], old.weight[0], rtol=0, atol=0)  # blue was class 0
        torch.testing.assert_close(new.weight[0], old.weight[NULL], rtol=0, atol=0)
    assert pipe.labels == {"red": 0, "blue": 1, "any": 2}


def test_refusals(bases: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(
        AvatarflowError, match="a generator of 16 px for pictures of 32 px; make them equal"
    ):
        foundation.start(np.zeros((1, 32, 32, 3), np.uint8), TINTS, bases["class"])
    with pytest.raises(AvatarflowError, match="size_px: 18 px for this base; use a multiple of 4"):
        foundation.start(np.zeros((1, 18, 18, 3), np.uint8), TINTS, bases["text"])
    model = tune(bases["class"], tmp_path, steps=0)
    with pytest.raises(AvatarflowError, match="not those that the generator was trained with"):
        foundation.ready(model, EYES, foundation.Compute.of(COMPUTE))
    with pytest.raises(AvatarflowError, match="condition tint: no such column"):
        foundation.train(
            TrainingTask(
                squares(12)[0],
                pd.DataFrame({"x": [0] * 12}),
                TINTS,
                training={},
                compute=COMPUTE,
                seed=1,
                state=tmp_path / "s",
                out=tmp_path / "o",
                base=bases["text"],
            ),
            Step.null(),
        )
