"""The attack on generators with a discriminator: on one that knows its members by heart, and with its controls."""

import by_heart
import numpy as np
import pytest
from by_heart import EVERY, attack

from avatarflow.core.outcomes import FAIL, INCONCLUSIVE
from avatarflow.privacy.attacks.names import due
from avatarflow.privacy.attacks.on_generator.registry import attacks_on

GENERATOR = {
    "family": "gan",
    "gan": {"latent_values": 8, "gradient_penalty": 0.0003, "augmentation": ["colour"]},
}
NETWORK = {"channels": [32], "latent_channels": 48}
BY_HEART = {"steps": 150, "batch": 40, "learning_rate": 6e-3, "warmup_steps": 5, "ema_decay": 0.9}
(NAME,) = attacks_on("discriminator")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A generator whose discriminator knows 40 of 80 pictures of noise by heart, and what is known of them."""
    folder = tmp_path_factory.mktemp("attacked")
    pictures = np.random.default_rng(0).integers(0, 255, (EVERY, 8, 8, 3)).astype(np.uint8)
    return folder, by_heart.learned(folder, pictures, GENERATOR, NETWORK, BY_HEART)


def asked(**positive):
    return by_heart.settings(GENERATOR, BY_HEART | positive)


def test_members_known_by_heart_are_found_and_shuffled_ones_are_not(attacked):
    folder, known = attacked
    by_heart.finds_members_and_not_shuffled_ones(by_heart.opened("gan", folder), known, NAME)


def test_queries_are_as_many_as_said_and_batches_change_nothing(attacked):
    folder, known = attacked
    by_heart.asks_as_often_as_said_and_batches_change_nothing(
        by_heart.opened("gan", folder), known, attacks_on("discriminator")[NAME]
    )


def test_a_copy_that_was_taught_non_members_gives_them_away(attacked, tmp_path):
    found = attack(attacked[0], asked(), tmp_path)
    assert {*found, "extraction"} == set(due("discriminator"))
    row = found[NAME]
    assert row["positive"]["caught"], row["positive"]
    assert row["negative"]["clean"], row["negative"]
    assert (row["conclusion"], row["access"], row["target"]) == (FAIL, "model", "student")
    assert row["auc"]["low"] > 0.6


def test_an_attack_that_sees_nothing_in_its_copy_concludes_nothing(attacked, tmp_path):
    found = attack(attacked[0], asked(steps=1, learning_rate=1e-6), tmp_path)
    assert {row["conclusion"] for row in found.values()} == {INCONCLUSIVE}


def test_canaries_are_exposed_by_the_attack_of_the_family(attacked, tmp_path):
    found = by_heart.exposed(attacked[0], asked(), tmp_path)
    assert (set(found["scores"]), found["refused"]) == ({NAME}, "")
