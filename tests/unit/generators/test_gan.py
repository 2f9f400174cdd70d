"""The family gan: what it learns and draws, resumed, in shards and processes, from a base, and what it refuses."""

import numpy as np
import pytest
import squares
import torch
import yaml
from safetensors.torch import load_file
from squares import COMPUTE, NETWORK, TINTS

from avatarflow.core.errors import AvatarflowError
from avatarflow.generators.conditions import NULL, Conditions
from avatarflow.generators.gan import files
from avatarflow.generators.gan.network import build
from avatarflow.generators.gan.settings import Gan
from avatarflow.generators.interface import open_attacked, open_generator
from avatarflow.generators.settings import Compute, Network
from avatarflow.release.assemble import copy_model
from avatarflow.runs.context import Step
from avatarflow.runs.entries.facts import folder_digest

OWN = {"latent_values": 6}
WEIGHTS = "diffusion_pytorch_model.safetensors"


def fit(folder, step=None, own=OWN, **asked):
    return squares.fit({"family": "gan", "gan": own}, folder, step, **asked)


def drawn(model, folder, **asked):
    return squares.drawn("gan", model, folder, **asked)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A generator that has seen every square often."""
    training = {"steps": 120, "batch": 24, "learning_rate": 4e-3, "ema_decay": 0.9}
    own = OWN | {"gradient_penalty": 0.1, "augmentation": []}
    return fit(tmp_path_factory.mktemp("learned"), own=own, **training)


def test_pictures_show_the_asked_condition_and_vary(learned, tmp_path):
    squares.shows_the_asked_colour(*drawn(learned, tmp_path))


def test_both_networks_are_conditioned():
    generator, discriminator = build(Network.of(NETWORK), Gan.of(OWN), 4, 8, 4, seed=1)
    noise, pictures = torch.randn(2, 6), torch.randn(2, 3, 16, 16)
    first, second = torch.tensor([0, 0]), torch.tensor([1, 1])
    assert not torch.allclose(generator(noise, first), generator(noise, second))
    assert not torch.allclose(discriminator(pictures, first), discriminator(pictures, second))


@pytest.mark.parametrize(
    ("size", "channels", "patch"), [(64, (16, 20), 4), (128, (8, 8, 12), 4), (16, (8, 8), 1)]
)
def test_shapes(size, channels, patch):
    network, cells = Network(channels=channels, layers=2), size // patch
    generator, discriminator = build(network, Gan(latent_values=9), cells, 5, patch, seed=1)
    ids = torch.tensor([0, NULL])
    assert generator(torch.zeros(2, 9), ids).shape == (2, 5, cells, cells)
    assert discriminator(torch.zeros(2, 3, size, size), ids).shape == (2,)


def test_neither_network_mixes_the_pictures_of_a_batch():
    """Without normalisation a picture and its score are the same alone and among others."""
    for network, values in zip(
        build(Network.of(NETWORK), Gan.of(OWN), 4, 8, 4, seed=1),
        (torch.randn(5, 6), torch.randn(5, 3, 16, 16)),
        strict=True,
    ):
        ids = torch.tensor([0, 1, 0, 1, 0])
        torch.testing.assert_close(network(values, ids)[1:2], network(values[1:2], ids[1:2]))


def test_a_killed_training_resumes_byte_for_byte(tmp_path, root):
    squares.resumes_byte_for_byte("test_gan", fit, tmp_path, root)


def test_recomputing_activations_changes_nothing(tmp_path):
    folders = fit(tmp_path / "a"), fit(tmp_path / "b", compute={"gradient_checkpointing": True})
    for part in (files.GENERATOR, files.DISCRIMINATOR):
        ours, theirs = (load_file(folder / part / WEIGHTS) for folder in folders)
        assert all(torch.allclose(ours[key], theirs[key], atol=1e-5) for key in ours)


def test_shards_and_guidance_do_not_change_the_pictures_and_seeds_do(learned, tmp_path):
    one, _ = drawn(learned, tmp_path / "1")
    np.testing.assert_array_equal(one, drawn(learned, tmp_path / "3", shards=3)[0])
    np.testing.assert_array_equal(one, drawn(learned, tmp_path / "g", guidance=(4.0,))[0])
    assert (one != drawn(learned, tmp_path / "other", seed=4)[0]).any()


def test_a_fresh_process_draws_the_same(learned, tmp_path, root):
    pictures, _ = drawn(learned, tmp_path / "here")
    there = squares.drawn_elsewhere("test_gan", learned, tmp_path / "there", root)
    np.testing.assert_array_equal(there, pictures)


@pytest.mark.parametrize("with_it", [False, True])
def test_a_release_has_the_discriminator_only_where_the_config_says_so(with_it, tmp_path):
    model = fit(tmp_path, own=OWN | {"release_discriminator": with_it}, steps=1)
    copy_model(model, tmp_path / "released")
    assert (model / files.DISCRIMINATOR).is_dir()
    assert (tmp_path / "released" / files.DISCRIMINATOR).exists() == with_it
    assert folder_digest(tmp_path / "released") == folder_digest(model) != ""
    draw = open_generator(tmp_path / "released", TINTS, Compute.of(COMPUTE))  # by its mark
    few = draw([0, 1], 1.0, [torch.Generator().manual_seed(one) for one in range(2)], 1)
    assert few.shape == (2, 16, 16, 3)
    if not with_it:
        with pytest.raises(AvatarflowError, match="the generator comes without one"):
            open_attacked("gan", tmp_path / "released", TINTS, COMPUTE, "an attack")


def test_whether_the_discriminator_is_released_does_not_train_again(tmp_path):
    fit(tmp_path, steps=3)
    messages, step = [], Step.null()
    step.info = lambda text, *values: messages.append(text % values)
    fit(tmp_path, step, own=OWN | {"release_discriminator": True}, steps=3)
    assert "network resumed at step 3" in messages


def test_a_base_gives_its_weights_and_the_rows_of_its_labels(tmp_path):
    base = fit(tmp_path, name="base", steps=2)
    other = Conditions({"tint": ["blue", "red", "green"]})
    tuned = fit(tmp_path, base=base, conditions=other, own={"latent_values": 99}, steps=0)
    for part in (files.GENERATOR, files.DISCRIMINATOR):
        before, after = (load_file(folder / part / WEIGHTS) for folder in (base, tuned))
        squares.keeps_weights_and_rows_of_labels(before, after)


def test_refuses_what_it_cannot_do(learned, tmp_path):
    with pytest.raises(AvatarflowError, match="no generative adversarial network of this project"):
        fit(tmp_path, base="some/hub-id")
    with pytest.raises(AvatarflowError, match="a generator of 16 px for pictures of 8 px"):
        fit(tmp_path, base=learned, size=8)
    with pytest.raises(AvatarflowError, match="not those that the generator was trained with"):
        drawn(learned, tmp_path, conditions=Conditions({"tint": ["green"]}))
    with pytest.raises(AvatarflowError, match="trained with other conditions"):
        open_attacked("gan", learned, Conditions({"tint": ["green"]}), COMPUTE, "an attack")
    with pytest.raises(AvatarflowError, match=r"network\.channels: 2 resolutions for 1 cells"):
        build(Network.of(NETWORK), Gan(), 1, 8, 4, 1)
    with pytest.raises(AvatarflowError, match="at step 2"):
        fit(tmp_path, learning_rate=1e30, warmup_steps=0)
    assert not (tmp_path / "model").exists()


def test_defaults_equal_those_of_the_schema(root):
    schema = yaml.safe_load((root / "workflow" / "schemas" / "training.schema.yaml").read_text())
    announced = schema["$defs"]["generator"]["properties"]["gan"]["properties"]
    ours = vars(Gan()) | {"augmentation": list(Gan().augmentation)}
    assert ours == {key: leaf["default"] for key, leaf in announced.items()}


def test_two_processes_train_as_one(tmp_path):
    weights = []
    for processes, count in ((1, 6), (2, 6), (1, 0)):
        model = squares.finetuned({"family": "gan", "gan": OWN}, tmp_path, processes, count)
        parts = (model / part / WEIGHTS for part in (files.GENERATOR, files.DISCRIMINATOR))
        weights.append(
            torch.cat(
                [each.flatten() for part in parts for _, each in sorted(load_file(part).items())]
            )
        )
    one, two, start = weights
    moved = float((one - start).abs().max())
    assert float((one - two).abs().max()) < 0.1 * moved
    assert moved > 1e-3
