"""Attacks on generators with a likelihood: on one that has learned its members by heart, and with its controls."""

import by_heart
import numpy as np
import pytest
from by_heart import COMPUTE, CONDITIONS, EVERY, attack

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.outcomes import FAIL, INCONCLUSIVE
from avatarflow.generators.families import FAMILIES
from avatarflow.generators.interface import open_attacked, open_denoiser
from avatarflow.privacy.attacks.names import due
from avatarflow.privacy.attacks.on_generator.registry import attacks_on

GENERATOR = {"family": "vae", "vae": {"latent_values": 24}}
NETWORK = {"channels": [16, 32], "norm_groups": 4}
BY_HEART = {"steps": 250, "batch": 40, "learning_rate": 4e-3, "warmup_steps": 5, "ema_decay": 0.9}
ATTACKS = attacks_on("likelihood")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A generator that knows 40 of 80 pictures by heart, the pictures, and their pool."""
    folder = tmp_path_factory.mktemp("attacked")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (EVERY, 4, 4, 3)).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    return folder, by_heart.learned(folder, pictures, GENERATOR, NETWORK, BY_HEART)


def asked(**positive):
    return by_heart.settings(GENERATOR, BY_HEART | {"steps": 120} | positive)


@pytest.mark.parametrize("name", ATTACKS)
def test_members_known_by_heart_are_found_and_shuffled_ones_are_not(attacked, name):
    folder, known = attacked
    by_heart.finds_members_and_not_shuffled_ones(by_heart.opened("vae", folder), known, name)


@pytest.mark.parametrize("attack_on", ATTACKS.values(), ids=ATTACKS)
def test_queries_are_as_many_as_said_and_batches_change_nothing(attacked, attack_on):
    folder, known = attacked
    by_heart.asks_as_often_as_said_and_batches_change_nothing(
        by_heart.opened("vae", folder), known, attack_on
    )


def test_a_copy_that_was_taught_non_members_gives_them_away(attacked, tmp_path):
    folder, _ = attacked
    found = attack(folder, asked(), tmp_path)
    assert {*found, "extraction"} == set(due("likelihood"))
    for name, row in found.items():
        assert row["positive"]["caught"], (name, row["positive"])
        assert row["negative"]["clean"], (name, row["negative"])
        assert (row["conclusion"], row["access"], row["target"]) == (FAIL, "model", "student")
        assert row["auc"]["low"] > 0.6


def test_an_attack_that_sees_nothing_in_its_copy_concludes_nothing(attacked, tmp_path):
    found = attack(attacked[0], asked(steps=1, learning_rate=1e-6), tmp_path)
    assert {row["conclusion"] for row in found.values()} == {INCONCLUSIVE}


def test_a_family_is_asked_only_what_it_can_answer(attacked, tmp_path):
    folder, _ = attacked
    can = [name for name, each in FAMILIES.items() if each.likelihood]
    assert can == ["vae"]
    with pytest.raises(AvatarflowError, match="vae predicts no clean picture"):
        open_denoiser("vae", folder / "model", CONDITIONS, COMPUTE, "near-duplicates")
    with pytest.raises(AvatarflowError, match="pca_gaussian predicts no clean picture"):
        open_attacked("pca_gaussian", folder / "model", CONDITIONS, COMPUTE, "an attack")
    other = asked() | {"generator": {"family": "pca_gaussian"}}
    found = attack(folder, other, tmp_path)
    assert {*found, "extraction"} == set(due("denoise"))
    assert all(row["auc"] is None for row in found.values())


def test_canaries_are_exposed_by_the_attacks_of_the_family(attacked, tmp_path):
    found = by_heart.exposed(attacked[0], asked(), tmp_path)
    assert (set(found["scores"]), found["refused"]) == (set(ATTACKS), "")
