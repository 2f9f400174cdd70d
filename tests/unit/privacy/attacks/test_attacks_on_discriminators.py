"""The attack on generators with a discriminator: on one that knows its members by heart, and with its controls."""

import json

import numpy as np
import pytest
import torch

from avatarflow.core.outcomes import FAIL, INCONCLUSIVE
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.interface import open_attacked, train
from avatarflow.generators.task import TrainingTask
from avatarflow.imaging.shards import write_shards
from avatarflow.privacy.attacks.figures import auc
from avatarflow.privacy.attacks.names import due
from avatarflow.privacy.attacks.on_generator.registry import Known, attacks_on, scores_of
from avatarflow.privacy.attacks.on_generator.step import attack_model
from avatarflow.privacy.canaries.model_step import expose_generator
from avatarflow.runs.context import Step

CONDITIONS = Conditions({"eye_side": ["left", "right"]})
COMPUTE = {"threads": 1, "micro_batch": 16, "device": "cpu", "precision": "fp32"}
GENERATOR = {
    "family": "gan",
    "gan": {"latent_values": 8, "gradient_penalty": 0.0003, "augmentation": ["colour"]},
}
NETWORK = {"channels": [32], "latent_channels": 48}
BY_HEART = {"steps": 150, "batch": 40, "learning_rate": 6e-3, "warmup_steps": 5, "ema_decay": 0.9}
(NAME,) = attacks_on("discriminator")
MEMBERS, EVERY = 40, 80


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A generator whose discriminator knows 40 of 80 pictures by heart, the pictures, and their pool."""
    folder = tmp_path_factory.mktemp("attacked")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (EVERY, 8, 8, 3)).astype(np.uint8)
    rows = np.arange(EVERY)
    known = Known(pictures, rows % 2, rows, rows, rows < MEMBERS)
    table = CONDITIONS.table(known.ids)
    task = TrainingTask(
        pictures[:MEMBERS], table[:MEMBERS], CONDITIONS, BY_HEART, COMPUTE, 1, folder / "state", folder / "model",
        generator=GENERATOR, network=NETWORK,
    )  # fmt: skip
    train(task, Step.null())
    roles = np.where(known.member, "test", "heldout")
    pool = table.assign(item=rows, person=rows, role=roles, copies=known.member.astype(int))
    write_shards(folder / "pool", pictures, pool)
    return folder, known


def opened(folder):
    return open_attacked("gan", folder / "model", CONDITIONS, COMPUTE, "an attack")


def test_members_known_by_heart_are_found_and_shuffled_ones_are_not(attacked):
    folder, known = attacked
    values = scores_of(opened(folder), known, 1)[NAME]
    assert auc(values[known.member], values[~known.member]).value > 0.9
    shuffled = np.random.default_rng(3).permutation(known.member)
    by_chance = auc(values[shuffled], values[~shuffled])
    assert by_chance.low < 0.5 < by_chance.high


def test_queries_are_as_many_as_said_and_batches_change_nothing(attacked):
    folder, known = attacked
    generator, attack = opened(folder), attacks_on("discriminator")[NAME]
    latents, ids = generator.latents(known.pictures), torch.from_numpy(known.ids)
    every = attack.score(generator, latents, ids, known.items, 1)
    assert generator.queries == attack.queries == 8
    order = np.array([7, 2, 61, 0])
    some = attack.score(generator, latents[order], ids[order], known.items[order], 1)
    assert some == pytest.approx(every[order], rel=1e-4)
    assert (attack.score(generator, latents, ids, known.items, 2) != every).any()


def asked(**positive):
    attacks = {
        "largest_auc": 0.6, "fewest_persons": 30, "persons": 200, "positive_control": BY_HEART | positive,
    }  # fmt: skip
    return {
        "conditions": CONDITIONS.columns, "generator": GENERATOR, "compute": COMPUTE, "attacks": attacks,
    }  # fmt: skip


def attack(folder, settings, out):
    inputs = {"pool": str(folder / "pool"), "model": str(folder / "model" / "model_index.json")}
    attack_model(
        inputs, settings, 1, "student", str(out / "state"), str(out / "found.json"), Step.null()
    )
    return {row["attack"]: row for row in json.loads((out / "found.json").read_text())}


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
    folder, _ = attacked
    out = tmp_path / "exposed.json"
    model = str(folder / "model" / "model_index.json")
    expose_generator(str(folder / "pool"), model, asked(), 1, "teacher", str(out), Step.null())
    found = json.loads(out.read_text())
    assert (set(found["scores"]), found["refused"]) == ({NAME}, "")
