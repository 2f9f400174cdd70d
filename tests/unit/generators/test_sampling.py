"""Sampling: equal bytes however the work is cut, seeds per picture, guidance, resume."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from diffusers import DiTPipeline

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import AvatarflowError
from avatarflow.generators import sampling
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.diffusion.family import train
from avatarflow.generators.pipeline import load
from avatarflow.generators.settings import Sampling
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.imaging.shards import read_pictures, read_table, recut
from avatarflow.runs.context import Step

CONDITIONS = Conditions({"tint": ["red", "blue"]})
COMPUTE = {"threads": 1, "precision": "fp32", "device": "cpu", "micro_batch": 4}
ASKED = {"steps": 3, "guidance": [1.0, 3.0], "per_condition": 5}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator that has hardly learned, of pictures of 16 px."""
    folder = tmp_path_factory.mktemp("model")
    pictures = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
    train(
        TrainingTask(
            pictures,
            pd.DataFrame({"tint": ["red", "blue"] * 3}),
            CONDITIONS,
            compute=COMPUTE,
            seed=1,
            network={"channels": [16, 32], "attention": [], "latent_channels": 8},
            training={"steps": 5, "batch": 4},
            state=folder / "state",
            out=folder / "pipe",
        ),
        Step.null(),
    )
    return folder / "pipe"


def drawn(
    model: Path, folder: Path, shards: int = 1, step: Step | None = None, **changes: Any
) -> Path:
    parts = []
    compute = {**COMPUTE, **changes.pop("compute", {})}
    for shard in range(shards):
        out = folder / f"part-{shard}.parquet"
        sampling.sample(
            model,
            SamplingTask(
                CONDITIONS,
                sample=ASKED,
                seed=3,
                compute=compute,
                shard=shard,
                shards=shards,
                state=folder / "state",
                out=out,
                **{"stage": "teacher", **changes},
            ),
            step or Step.null(),
        )
        parts.append(str(out))
    recut(parts, folder / "pictures", per_shard=7)
    return folder / "pictures"


def content(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.parquet"))]


def test_one_and_three_shards_give_equal_bytes(model: Path, tmp_path: Path) -> None:
    assert content(drawn(model, tmp_path / "one")) == content(
        drawn(model, tmp_path / "three", shards=3)
    )


def test_a_stopped_run_resumes_with_equal_bytes(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = content(drawn(model, tmp_path / "undisturbed"))
    calls = 0
    sample = DiTPipeline.__call__

    def stopping(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return sample(*args, **kwargs)

    monkeypatch.setattr(DiTPipeline, "__call__", stopping)
    with pytest.raises(KeyboardInterrupt):
        drawn(model, tmp_path / "stopped")
    assert content(drawn(model, tmp_path / "stopped")) == undisturbed
    assert calls == 3 + 6 - 2  # six micro-batches, two of them kept


def test_rows_say_what_was_asked(model: Path, tmp_path: Path) -> None:
    table = read_table(drawn(model, tmp_path))
    assert list(table.columns) == ["candidate", "tint", "guidance"]
    assert table["candidate"].tolist() == [f"teacher-{number:06d}" for number in range(20)]
    assert table.groupby(["tint", "guidance"]).size().tolist() == [5, 5, 5, 5]


def test_each_picture_is_that_of_its_own_seed(model: Path, tmp_path: Path) -> None:
    pictures = read_pictures(drawn(model, tmp_path))
    alone = one_by_stock(model, "teacher-000011", guidance=3.0, label="blue")
    # another batch size may round otherwise
    assert np.abs(pictures[11].astype(int) - alone).max() <= 1


def one_by_stock(model: Path, candidate: str, guidance: float, label: str) -> Pictures:
    pipe = load(model)
    noise = torch.Generator().manual_seed(
        sampling.integer(3, "sample teacher", int(candidate[-6:]))
    )
    found = pipe(
        pipe.get_label_ids([label]),
        guidance_scale=guidance,
        generator=noise,
        num_inference_steps=3,
        output_type="np",
    ).images
    picture: Pictures = (found[0] * 255).round().astype(np.uint8)
    return picture


def test_pictures_differ_by_seed_stage_and_guidance(model: Path, tmp_path: Path) -> None:
    pictures = read_pictures(drawn(model, tmp_path / "teacher"))
    student = read_pictures(drawn(model, tmp_path / "student", stage="student"))
    assert len({picture.tobytes() for picture in [*pictures, *student]}) == 40


def test_guidance_moves_the_same_noise(model: Path) -> None:
    weak = one_by_stock(model, "teacher-000000", 1.0, "red").astype(int)
    strong = one_by_stock(model, "teacher-000000", 3.0, "red").astype(int)
    assert np.abs(weak - strong).max() > 0


def test_micro_batches_never_mix_guidance_scales() -> None:
    plan = sampling.plan(CONDITIONS, Sampling(guidance=(1.0, 2.0), per_condition=3), "teacher")
    assert [rows.tolist() for rows in sampling.blocks(plan, 4)] == [
        [0, 1, 2, 3],
        [4, 5],
        [6, 7, 8, 9],
        [10, 11],
    ]
    assert "steps" not in plan


def test_several_numbers_of_steps_are_drawn_apart_and_each_as_if_alone(
    model: Path, tmp_path: Path
) -> None:
    asked = Sampling(steps=[2, 3], guidance=(1.0, 2.0), per_condition=1)
    plan = sampling.plan(CONDITIONS, asked, "teacher")
    assert plan["steps"].tolist() == [2, 2, 3, 3] * 2
    assert plan["guidance"].tolist() == [1.0] * 4 + [2.0] * 4
    assert [rows.tolist() for rows in sampling.blocks(plan, 4)] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    seen = {}
    for name, steps in (("both", [2, 3]), ("two", 2), ("three", 3)):
        sampling.sample(
            model,
            SamplingTask(
                CONDITIONS,
                sample={"steps": steps, "guidance": [2.0], "per_condition": 2},
                seed=3,
                compute=COMPUTE,
                stage="teacher",
                state=tmp_path / name,
                out=tmp_path / f"{name}.parquet",
            ),
            Step.null(),
        )
        seen[name] = read_pictures(tmp_path / f"{name}.parquet")
    assert (
        seen["both"][:4] == seen["two"]
    ).all()  # the first four candidates have the same names and noise
    assert not (seen["both"][:4] == seen["three"]).all()
    assert read_table(tmp_path / "both.parquet")["steps"].tolist() == [2] * 4 + [3] * 4


def test_blocks_are_gone_when_the_shard_is_written(model: Path, tmp_path: Path) -> None:
    drawn(model, tmp_path)
    assert not list((tmp_path / "state").rglob("block-*"))


def test_refuses_conditions_that_are_not_the_generators(model: Path, tmp_path: Path) -> None:
    with pytest.raises(AvatarflowError, match="not those that the generator was trained with"):
        sampling.sample(
            model,
            SamplingTask(
                Conditions({"tint": ["green"]}),
                sample=ASKED,
                compute=COMPUTE,
                seed=3,
                stage="teacher",
                state=tmp_path,
                out=tmp_path / "x.parquet",
            ),
            Step.null(),
        )
