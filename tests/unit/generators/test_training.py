"""Training: the loss falls, a killed run resumes bit for bit, a broken loss stops with its step."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from killed import killed
from squares import squares

from avatarflow.core.errors import AvatarflowError
from avatarflow.generators.conditions import NULL, Conditions
from avatarflow.generators.diffusion.family import train as fit
from avatarflow.generators.pipeline import load
from avatarflow.generators.settings import Training
from avatarflow.generators.task import TrainingTask
from avatarflow.generators.training.loop import rate
from avatarflow.runs.context import Step
from avatarflow.runs.records import Run

CONDITIONS = Conditions({"tint": ["red", "blue"]})
NETWORK: dict[str, Any] = {
    "channels": [16, 32],
    "attention": [2],
    "latent_channels": 8,
    "head_channels": 8,
}
COMPUTE = {"threads": 1, "precision": "fp32", "device": "cpu"}


def train(
    folder: Path,
    step: Step | None = None,
    name: str = "model",
    base: Path | None = None,
    **training: Any,
) -> Path:
    pictures, table = squares(12)
    settings = {
        "steps": 10,
        "batch": 4,
        "warmup_steps": 2,
        "checkpoint_steps": 3,
        "log_steps": 1,
        **training,
    }
    fit(
        TrainingTask(
            pictures,
            table,
            CONDITIONS,
            network=NETWORK,
            training=settings,
            compute=COMPUTE,
            seed=5,
            state=folder / "state",
            out=folder / name,
            base=base,
        ),
        step or Step.null(),
    )
    return folder / name / "transformer" / "diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize(("codec", "prediction"), [("blocks", "sample"), ("pixel", "v_prediction")])
def test_loss_falls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, prediction: str
) -> None:
    monkeypatch.setitem(NETWORK, "codec", codec)
    monkeypatch.setitem(NETWORK, "prediction", prediction)
    run = Run.null()
    train(tmp_path, Step(Step.null().log, run), steps=60, batch=8, learning_rate=2e-3)
    losses = [row["value"] for row in run.metrics if row["name"] == "network.loss"]
    assert len(losses) == 60
    assert np.mean(losses[-10:]) < 0.85 * np.mean(losses[:5])


def test_a_killed_run_resumes_bit_for_bit(tmp_path: Path, root: Path) -> None:
    assert killed("test_training", "train", tmp_path / "killed", root) == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model").exists()
    messages: list[str] = []
    step = Step.null()
    step.info = lambda text, *values: messages.append(text % values)  # type: ignore[method-assign,assignment]
    resumed = train(tmp_path / "killed", step).read_bytes()
    assert "network resumed at step 6" in messages
    assert "state taken over from a dead writer" in messages
    assert resumed == train(tmp_path / "undisturbed").read_bytes()


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first = train(tmp_path).read_bytes()
    run = Run.null()
    assert train(tmp_path, Step(Step.null().log, run)).read_bytes() == first
    assert not run.metrics


def test_other_settings_start_anew(tmp_path: Path) -> None:
    train(tmp_path, steps=2)
    train(tmp_path, steps=3)
    assert len(list((tmp_path / "state").iterdir())) == 2


def test_saving_oftener_changes_nothing(tmp_path: Path) -> None:
    often = train(tmp_path / "often", checkpoint_steps=1, log_steps=5).read_bytes()
    assert often == train(tmp_path / "seldom", checkpoint_steps=100).read_bytes()


def test_stops_at_a_loss_that_is_not_finite_and_names_the_step(tmp_path: Path) -> None:
    with pytest.raises(AvatarflowError, match=r"is (nan|inf) at step 2;"):
        train(tmp_path, learning_rate=1e30, warmup_steps=0)
    assert not (tmp_path / "model").exists()


def test_new_labels_start_from_the_base_and_the_rest_from_its_null_class(tmp_path: Path) -> None:
    train(tmp_path, steps=1, name="base")
    before = load(tmp_path / "base").transformer.class_embedding.weight
    pictures, _ = squares(12)
    new = Conditions({"tint": ["green", "red"]})
    fit(
        TrainingTask(
            pictures,
            pd.DataFrame({"tint": ["red", "green"] * 6}),
            new,
            network={},
            training={"steps": 0},
            compute=COMPUTE,
            seed=5,
            state=tmp_path / "state",
            out=tmp_path / "tuned",
            base=tmp_path / "base",
        ),
        Step.null(),
    )
    tuned = load(tmp_path / "tuned")
    after = tuned.transformer.class_embedding.weight
    torch.testing.assert_close(after[tuned.labels["red"]], before[0], rtol=0, atol=0)
    torch.testing.assert_close(after[tuned.labels["green"]], before[NULL], rtol=0, atol=0)
    torch.testing.assert_close(after[NULL], before[NULL], rtol=0, atol=0)


def test_refuses_pictures_of_another_size_than_the_base(tmp_path: Path) -> None:
    train(tmp_path, steps=1, name="base")
    with pytest.raises(AvatarflowError, match="a generator of 16 px for pictures of 32 px"):
        fit(
            TrainingTask(
                np.zeros((2, 32, 32, 3), np.uint8),
                pd.DataFrame({"tint": ["red", "blue"]}),
                CONDITIONS,
                network={},
                training={"steps": 1},
                compute=COMPUTE,
                seed=5,
                state=tmp_path / "state",
                out=tmp_path / "x",
                base=tmp_path / "base",
            ),
            Step.null(),
        )


def test_refuses_widths_that_the_norm_cannot_divide(tmp_path: Path) -> None:
    pictures, table = squares(12)
    with pytest.raises(AvatarflowError, match=r"network\.channels"):
        fit(
            TrainingTask(
                pictures,
                table,
                CONDITIONS,
                network={"channels": [12], "attention": []},
                training={},
                compute=COMPUTE,
                seed=5,
                state=tmp_path / "state",
                out=tmp_path / "x",
            ),
            Step.null(),
        )


@pytest.mark.parametrize(("done", "share"), [(0, 0.1), (9, 1.0), (10, 1.0), (55, 0.55), (100, 0.1)])
def test_learning_rate_warms_up_and_falls_by_a_half_cosine(done: int, share: float) -> None:
    assert rate(done, 100, Training(warmup_steps=10, final_rate=0.1)) == pytest.approx(share)
