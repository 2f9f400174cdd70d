"""The family vae: what it learns and draws, resumed and in shards, its prior, its likelihood, what it refuses."""

import numpy as np
import pytest
import squares
import torch
import yaml
from safetensors.torch import load_file
from squares import COMPUTE, NETWORK, TINTS, content

from avatarflow.config.loading import base_id, load
from avatarflow.core.errors import AvatarflowError
from avatarflow.generators.conditions import NULL, Conditions
from avatarflow.generators.interface import open_attacked, open_generator
from avatarflow.generators.settings import Compute, Network
from avatarflow.generators.vae import files
from avatarflow.generators.vae.network import build
from avatarflow.generators.vae.prior import Prior
from avatarflow.generators.vae.settings import Vae
from avatarflow.runs.context import Step
from avatarflow.runs.records import Run

OWN = {"latent_values": 6}
WEIGHTS = "network/diffusion_pytorch_model.safetensors"


def fit(folder, step=None, own=OWN, **asked):
    return squares.fit({"family": "vae", "vae": own}, folder, step, **asked)


def drawn(model, folder, **asked):
    return squares.drawn("vae", model, folder, **asked)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A generator that has seen every square often, and its losses."""
    folder, run = tmp_path_factory.mktemp("learned"), Run.null()
    training = {"steps": 150, "batch": 24, "learning_rate": 4e-3, "ema_decay": 0.9}
    model = fit(folder, Step(Step.null().log, run), **training)
    return model, run.metrics


def test_the_loss_falls_and_hidden_values_stay_in_use(learned):
    losses = [row["value"] for row in learned[1] if row["name"] == "network.loss"]
    assert len(losses) == 150
    assert np.mean(losses[-10:]) < np.mean(losses[:5]) - 1.0  # nats per value
    (in_use,) = [row["value"] for row in learned[1] if row["name"] == "hidden_values_in_use"]
    assert 2 <= in_use <= 6


def test_pictures_show_the_asked_condition_and_vary(learned, tmp_path):
    squares.shows_the_asked_colour(*drawn(learned[0], tmp_path))


def test_the_decoder_itself_is_conditioned():
    network = build(Network.of(NETWORK), Vae.of(OWN), 4, 8, seed=1).eval()
    hidden, latents = torch.randn(2, 6), torch.randn(2, 8, 4, 4)
    first, second = torch.tensor([0, 0]), torch.tensor([1, 1])
    assert not torch.allclose(network.decode(hidden, first), network.decode(hidden, second))
    assert not torch.allclose(network.encode(latents, first)[0], network.encode(latents, second)[0])


@pytest.mark.parametrize(
    ("size", "channels"), [(32, (16, 32, 32)), (64, (16, 32)), (128, (16, 16, 32))]
)
def test_shapes(size, channels):
    network = build(
        Network(channels=channels, layers=2), Vae(latent_values=9), size // 4, 16, seed=1
    )
    passed = network(
        torch.zeros(2, 16, size // 4, size // 4), torch.tensor([0, NULL]), torch.zeros(2, 9)
    )
    assert passed.decoded.shape == (2, 16, size // 4, size // 4)
    assert passed.mean.shape == passed.log_variance.shape == (2, 9)
    assert passed.log_noise.shape == (16, 1, 1)


def test_guidance_divides_the_variance_of_the_prior(learned, tmp_path):
    prior = Prior(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 0.0], [1.0, 2.0]]))
    noise = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(1))
    found = prior.draw(torch.zeros(20_000, dtype=torch.long), noise, 4.0)
    torch.testing.assert_close(found.mean(0), prior.means[0], atol=0.03, rtol=0)
    torch.testing.assert_close(
        found.T.cov(), torch.tensor([[9.0, 3.0], [3.0, 5.0]]) / 4, atol=0.06, rtol=0
    )
    sharp, wide = (drawn(learned[0], tmp_path / str(g), guidance=(g,)) for g in (16.0, 1.0))
    red = (wide[1]["tint"] == "red").to_numpy()
    spreads = [one[0][red].astype(float).std(0).mean() for one in (wide, sharp)]
    assert spreads[1] < 0.7 * spreads[0]


def test_a_killed_training_resumes_byte_for_byte(tmp_path, root):
    squares.resumes_byte_for_byte("test_vae", fit, tmp_path, root)


def test_recomputing_activations_changes_nothing(tmp_path):
    plain, again = (
        fit(tmp_path / "a"),
        fit(tmp_path / "b", compute={"gradient_checkpointing": True}),
    )
    for name in (WEIGHTS, files.PRIOR):
        ours, theirs = load_file(plain / name), load_file(again / name)
        assert all(torch.allclose(ours[key], theirs[key], atol=1e-5) for key in ours)


def test_shards_do_not_change_the_pictures_and_seeds_do(learned, tmp_path):
    one, several = drawn(learned[0], tmp_path / "1"), drawn(learned[0], tmp_path / "3", shards=3)
    np.testing.assert_array_equal(one[0], several[0])
    assert (one[0] != drawn(learned[0], tmp_path / "other", seed=4)[0]).any()


def test_a_fresh_process_draws_the_same(learned, tmp_path, root):
    pictures, _ = drawn(learned[0], tmp_path / "here")
    there = squares.drawn_elsewhere("test_vae", learned[0], tmp_path / "there", root)
    np.testing.assert_array_equal(there, pictures)
    draw = open_generator(learned[0], TINTS, Compute.of(COMPUTE))  # by its mark, without a config
    few = draw([0, 1], 1.0, [torch.Generator().manual_seed(one) for one in range(2)], 1)
    assert few.shape == (2, 16, 16, 3)


def test_the_standard_prior_is_taken_where_it_is_asked_for(tmp_path):
    prior = files.load(fit(tmp_path, own=OWN | {"prior": "standard"})).prior
    torch.testing.assert_close(prior.means, torch.zeros(3, 6))
    torch.testing.assert_close(prior.factor, torch.eye(6))


def test_a_base_gives_its_weights_and_the_rows_of_its_labels(tmp_path):
    base = fit(tmp_path, name="base")
    before = load_file(base / WEIGHTS)
    other = Conditions({"tint": ["blue", "red", "green"]})
    tuned = fit(tmp_path, base=base, conditions=other, own={"latent_values": 99}, steps=0)
    after = load_file(tuned / WEIGHTS)
    squares.keeps_weights_and_rows_of_labels(before, after)


def test_refuses_what_it_cannot_do(learned, tmp_path):
    with pytest.raises(AvatarflowError, match="no variational autoencoder of this project there"):
        fit(tmp_path, base="some/hub-id")
    with pytest.raises(AvatarflowError, match="a generator of 16 px for pictures of 8 px"):
        fit(tmp_path, base=learned[0], size=8)
    with pytest.raises(AvatarflowError, match="not those that the generator was trained with"):
        drawn(learned[0], tmp_path, conditions=Conditions({"tint": ["green"]}))
    with pytest.raises(AvatarflowError, match="trained with other conditions"):
        open_attacked("vae", learned[0], Conditions({"tint": ["green"]}), COMPUTE, "an attack")
    with pytest.raises(AvatarflowError, match=r"network\.channels: 2 resolutions for 1 cells"):
        build(Network.of(NETWORK), Vae(), 1, 8, 1)
    with pytest.raises(AvatarflowError, match="no multiple of norm_groups"):
        build(Network(channels=(10, 20)), Vae(), 4, 8, 1)
    with pytest.raises(AvatarflowError, match="at step 2"):
        fit(tmp_path, learning_rate=1e30, warmup_steps=0)
    assert not (tmp_path / "model").exists()


def test_a_file_that_is_not_safetensors_is_never_opened(learned, tmp_path):
    folder = tmp_path / "model"
    for name, data in content(learned[0]).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    weights = folder / WEIGHTS
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(OSError, match="safetensors"):
        files.load(folder)


def test_defaults_equal_those_of_the_schema(root):
    schema = yaml.safe_load((root / "workflow" / "schemas" / "training.schema.yaml").read_text())
    announced = schema["$defs"]["generator"]["properties"]["vae"]["properties"]
    assert vars(Vae()) == {key: leaf["default"] for key, leaf in announced.items()}


def test_its_settings_are_no_part_of_the_base_of_another_family():
    def entry(family, values):
        generator = {"family": family, "vae": {"latent_values": values}}
        config = {
            "releases": {"x": {"source": {"generate": {}}, "gates": {}, "generator": generator}}
        }
        return base_id(load(config), "x")

    assert entry("diffusion", 7) == entry("diffusion", 8)
    assert entry("vae", 7) != entry("vae", 8)


def test_unknown_settings_are_refused():
    with pytest.raises(AvatarflowError, match=r"generator\.vae"):
        load(
            {
                "releases": {
                    "x": {
                        "source": {"generate": {}},
                        "gates": {},
                        "generator": {"vae": {"values": 3}},
                    }
                }
            }
        )


def test_two_processes_train_as_one(tmp_path):
    generator = {"family": "vae", "vae": OWN | {"free_bits": 0.1}}
    one, two, start = (
        load_file(squares.finetuned(generator, tmp_path, *asked) / WEIGHTS)
        for asked in ((1, 12), (2, 12), (1, 0))
    )
    apart, moved = (
        max(float((one[key] - other[key]).abs().max()) for key in one) for other in (two, start)
    )
    assert apart < 0.1 * moved
    assert moved > 3e-3
