"""Attacks that hold the generator: on exact denoisers that remember pictures, or others; and access to a real one."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.outcomes import FAIL, INCONCLUSIVE, PASS
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.diffusion.denoiser import Denoiser
from avatarflow.generators.diffusion.family import train
from avatarflow.generators.diffusion.schedule import scheduler
from avatarflow.generators.settings import Compute
from avatarflow.generators.task import TrainingTask
from avatarflow.imaging.shards import read_pictures, read_table, write_shards
from avatarflow.privacy import perturbations
from avatarflow.privacy.attacks.controls import leaked_pictures
from avatarflow.privacy.attacks.controls.leaking_generator import plant
from avatarflow.privacy.attacks.figures import auc
from avatarflow.privacy.attacks.on_generator.registry import Known, attack_generator, attacks_on
from avatarflow.privacy.fingerprints.files import load_rows
from avatarflow.runs.context import Step

ROOT = Path(__file__).resolve().parents[4]
SHAPE = (4, 4, 4)
CONDITIONS = Conditions({"eye_side": ["left", "right"]})
DENOISER_ATTACKS = attacks_on("denoise")
COMPUTE = {"threads": 1, "micro_batch": 16, "device": "cpu", "precision": "fp32"}
SETTINGS = {"largest_auc": 0.6, "fewest_persons": 60}


class Remembering:
    """The best denoiser there is of a finite set: the mean of the remembered latents given the noisy ones."""

    def __init__(self, remembered, every, micro_batch=16):
        self.remembered, self.every, self.queries = remembered, every, 0
        self.alphas_cumprod = scheduler(1.0, 1.0, "sample").alphas_cumprod.double()
        self.compute = Compute(micro_batch=micro_batch)

    def latents(self, pictures):
        return self.every[torch.from_numpy(pictures[:, 0, 0, 0].astype(np.int64))]

    signal = Denoiser.signal

    def predict(self, noisy, time, ids):
        self.queries += 1
        signal, spread = self.signal(time)
        squared = (noisy[:, None] - signal * self.remembered[None]).flatten(2).square().sum(-1)
        weights = torch.softmax(
            -squared / (2 * spread**2 + 0.1), 1
        )  # + 0.1: a network is never as sharp as that
        return torch.einsum("nm,mchw->nchw", weights, self.remembered)

    predict_noise = Denoiser.predict_noise


def setting(persons=160, seed=0):
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(
        (persons + persons, *SHAPE), generator=generator
    )  # the second half is known to nobody
    rows = np.arange(persons)
    pictures = np.zeros((persons, 8, 8, 3), np.uint8) + rows[:, None, None, None].astype(np.uint8)
    return latents, Known(pictures, np.zeros(persons, np.int64), rows, rows, rows < persons // 2)


def planted_half(known):
    from avatarflow.privacy.attacks.on_pictures.knowledge import half_of

    non_members = known.where(~known.member)
    return non_members.items[half_of(non_members.persons, 1)]


@pytest.mark.parametrize("name", DENOISER_ATTACKS)
def test_each_attack_recognises_what_is_remembered_and_only_that(name):
    latents, known = setting()
    leaking = Remembering(torch.cat([latents[160:], latents[planted_half(known)]]), latents)
    members = Remembering(torch.cat([latents[160:], latents[:80]]), latents)
    found = attack_generator(members, leaking, known, SETTINGS, seed=1)[name]
    assert found["positive"]["caught"], found["positive"]
    assert found["negative"]["clean"], found["negative"]
    assert found["conclusion"] == FAIL
    assert found["auc"]["value"] > 0.9
    others = attack_generator(
        Remembering(latents[160:], latents), leaking, known, SETTINGS, seed=1
    )[name]
    assert others["auc"]["low"] < 0.5 < others["auc"]["high"] or others["conclusion"] == PASS
    blind = attack_generator(members, Remembering(latents[160:], latents), known, SETTINGS, seed=1)[
        name
    ]
    assert blind["conclusion"] == INCONCLUSIVE


@pytest.mark.parametrize(("name", "attack"), DENOISER_ATTACKS.items())
def test_queries_are_as_many_as_said(name, attack):
    latents, known = setting(16)
    denoiser = Remembering(latents, latents)
    attack.score(denoiser, latents[:16], torch.zeros(16), known.items, 1)
    assert (
        denoiser.queries
        == attack.queries
        == {"loss_threshold": 8, "sima": 1, "pia": 2, "secmi": 11}[name]
    )


@pytest.mark.parametrize("attack", DENOISER_ATTACKS.values(), ids=DENOISER_ATTACKS)
def test_batches_and_order_change_nothing(attack):
    latents, known = setting(12)
    denoiser = Remembering(latents[6:], latents)
    order, ids = np.array([7, 2, 11, 0, 5]), torch.zeros(12)
    whole = attack.score(denoiser, latents[:12], ids, known.items, 1)
    part = attack.score(denoiser, latents[order], ids[:5], known.items[order], 1)
    assert part == pytest.approx(whole[order], rel=1e-4)


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generator")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (60, 4, 4, 3)).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    table = pd.DataFrame({"eye_side": ["left", "right"] * 30})
    train(
        TrainingTask(
            pictures[:20],
            table[:20],
            CONDITIONS,
            seed=1,
            state=folder / "state",
            out=folder / "model",
            network={"channels": (16, 32), "attention": (), "norm_groups": 4},
            training={"steps": 3, "batch": 8},
            compute=COMPUTE,
        ),
        Step.null(),
    )
    return folder / "model", pictures, table


@pytest.mark.parametrize("prediction", ["sample", "v_prediction"])
def test_noise_and_clean_latents_explain_the_noisy_ones(generator, prediction):
    folder, pictures, _ = generator
    denoiser = Denoiser(folder, CONDITIONS, COMPUTE)
    denoiser.pipe.scheduler.register_to_config(prediction_type=prediction)
    noisy, ids = denoiser.latents(pictures[:4]), torch.zeros(4, dtype=torch.long)
    signal, spread = denoiser.signal(300)
    assert signal**2 + spread**2 == pytest.approx(1)
    assert torch.allclose(
        signal * denoiser.predict(noisy, 300, ids)
        + spread * denoiser.predict_noise(noisy, 300, ids),
        noisy,
        atol=1e-4,
    )
    raw = denoiser.pipe.transformer(noisy, torch.full((4,), 300), class_labels=ids).sample
    expected = raw if prediction == "sample" else signal * noisy - spread * raw
    assert torch.allclose(denoiser.predict(noisy, 300, ids), expected, atol=1e-5)


def test_refuses_another_generator(generator, tmp_path):
    with pytest.raises(AvatarflowError, match="other conditions"):
        Denoiser(generator[0], Conditions({"sex": ["female", "male"]}), COMPUTE)
    with pytest.raises(AvatarflowError, match="no diffusers folder"):
        Denoiser(tmp_path, CONDITIONS, COMPUTE)


def test_a_planted_generator_knows_the_planted_half(generator, tmp_path):
    folder, pictures, table = generator
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    rows = np.arange(60)
    known = Known(pictures, CONDITIONS.ids(table), rows, rows, rows < 20)
    training = {
        "steps": 120,
        "batch": 20,
        "learning_rate": 3e-3,
        "warmup_steps": 5,
        "ema_decay": 0.9,
    }
    settings = {
        "generator": {"family": "diffusion"},
        "attacks": {"positive_control": training},
        "compute": COMPUTE,
    }
    planted = plant(folder, known, CONDITIONS, settings, 1, tmp_path, Step.null())
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    denoiser = Denoiser(planted, CONDITIONS, COMPUTE)
    values = DENOISER_ATTACKS["loss_threshold"].score(
        denoiser, denoiser.latents(pictures), torch.from_numpy(known.ids), known.items, 1
    )
    non_members, taught = known.items[20:], planted_half(known)
    assert auc(values[taught], values[np.setdiff1d(non_members, taught)]).low > 0.6


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("on_pictures.step", "torch"),
        ("summary", "torch"),
        ("on_generator.step", "faiss"),
        ("controls.leaked_pictures", "faiss"),
    ],
)
def test_faiss_and_torch_never_share_a_process(module, absent):
    code = f"import sys; sys.path.append('workflow/scripts'); import avatarflow.privacy.attacks.{module}; "
    done = subprocess.run(
        [sys.executable, "-c", code + f"print('{absent}' in sys.modules)"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "False", done.stderr


class Means:
    """An encoder: the mean colour of a picture."""

    dimensions, digest = 3, "means"

    def embed(self, stream, micro_batch):
        del micro_batch
        blocks = [block.mean((1, 2)).astype(np.float32) for block in stream]
        return np.concatenate(blocks) if blocks else np.zeros((0, 3), np.float32)


@pytest.mark.parametrize("non_members", [40, 0])
def test_leaks_are_made_and_written_few_pictures_at_a_time(tmp_path, monkeypatch, non_members):
    pictures = np.random.default_rng(1).integers(0, 256, (80, 16, 16, 3), np.uint8)
    roles = np.where(np.arange(80) % 2 * 2 * non_members > np.arange(80), "heldout", "test")
    table = pd.DataFrame({"item": np.arange(80) + 7, "role": roles})
    write_shards(tmp_path / "pool", pictures, table, per_shard=33)
    altered, alter = [], perturbations.alter

    def watched(some, *of):
        altered.append(len(some))
        return alter(some, *of)

    monkeypatch.setattr(perturbations, "alter", watched)
    monkeypatch.setattr(leaked_pictures, "Encoder", SimpleNamespace(load=lambda path: Means()))
    files = tmp_path / "leaks", tmp_path / "leaks.safetensors"
    leaked_pictures.write_leaks(tmp_path / "pool", "", COMPUTE, 5, *files)
    assert max(altered, default=0) <= 32
    chosen, items = pictures[roles == "heldout"], table.loc[roles == "heldout", "item"].to_numpy()
    families = leaked_pictures.FAMILIES
    every = [alter(chosen, name, 1, 5, items, "attack leak") for name in families if len(chosen)]
    expected = np.stack(every, 1).reshape(-1, 16, 16, 3) if every else pictures[:0]
    read = read_pictures(files[0])
    np.testing.assert_array_equal(read, expected.reshape(-1, *read.shape[1:]))
    assert read_table(files[0])["item"].tolist() == np.repeat(items, len(families)).tolist()
    rows = load_rows(files[1], "means")
    assert rows.shape == (len(chosen), len(families), 3)
    np.testing.assert_array_equal(
        rows.reshape(-1, 3), expected.mean((1, 2)).astype(np.float32).reshape(-1, 3)
    )
