"""Generators that know their members by heart, and what tests of attacks on them share."""

import json

import numpy as np
import pytest
import torch

from avatarflow.generators.conditions import Conditions
from avatarflow.generators.interface import open_attacked, train
from avatarflow.generators.task import TrainingTask
from avatarflow.imaging.shards import write_shards
from avatarflow.privacy.attacks.figures import auc
from avatarflow.privacy.attacks.on_generator.registry import Known, scores_of
from avatarflow.privacy.attacks.on_generator.step import attack_model
from avatarflow.privacy.canaries.model_step import expose_generator
from avatarflow.runs.context import Step

CONDITIONS = Conditions({"eye_side": ["left", "right"]})
COMPUTE = {"threads": 1, "micro_batch": 16, "device": "cpu", "precision": "fp32"}
MEMBERS, EVERY = 40, 80


def learned(folder, pictures, generator, network, training):
    """Train on the first 40 of 80 pictures, write the pool of all, and return what is known of them."""
    rows = np.arange(EVERY)
    known = Known(pictures, rows % 2, rows, rows, rows < MEMBERS)
    table = CONDITIONS.table(known.ids)
    task = TrainingTask(
        pictures[:MEMBERS], table[:MEMBERS], CONDITIONS, training, COMPUTE, 1, folder / "state", folder / "model",
        generator=generator, network=network,
    )  # fmt: skip
    train(task, Step.null())
    roles = np.where(known.member, "test", "heldout")
    pool = table.assign(item=rows, person=rows, role=roles, copies=known.member.astype(int))
    write_shards(folder / "pool", pictures, pool)
    return known


def opened(family, folder):
    return open_attacked(family, folder / "model", CONDITIONS, COMPUTE, "an attack")


def finds_members_and_not_shuffled_ones(generator, known, name):
    """Check the AUC of an attack, and that of members drawn by lot."""
    values = scores_of(generator, known, 1)[name]
    assert auc(values[known.member], values[~known.member]).value > 0.9
    shuffled = np.random.default_rng(3).permutation(known.member)
    by_chance = auc(values[shuffled], values[~shuffled])
    assert by_chance.low < 0.5 < by_chance.high


def asks_as_often_as_said_and_batches_change_nothing(generator, known, attack):
    """Check the queries of an attack, and that order and batches of the pictures have no part in its scores."""
    latents, ids = generator.latents(known.pictures), torch.from_numpy(known.ids)
    every = attack.score(generator, latents, ids, known.items, 1)
    assert generator.queries == attack.queries == 8
    order = np.array([7, 2, 61, 0])
    some = attack.score(generator, latents[order], ids[order], known.items[order], 1)
    assert some == pytest.approx(every[order], rel=1e-4)
    assert (attack.score(generator, latents, ids, known.items, 2) != every).any()


def settings(generator, positive_control):
    """Return settings as the workflow gives them to the step."""
    attacks = {
        "largest_auc": 0.6, "fewest_persons": 30, "persons": 200, "positive_control": positive_control,
    }  # fmt: skip
    return {
        "conditions": CONDITIONS.columns, "generator": generator, "compute": COMPUTE, "attacks": attacks,
    }  # fmt: skip


def attack(folder, asked, out):
    """Run the step on a learned generator; return its rows by attack."""
    inputs = {"pool": str(folder / "pool"), "model": str(folder / "model" / "model_index.json")}
    attack_model(
        inputs, asked, 1, "student", str(out / "state"), str(out / "found.json"), Step.null()
    )
    return {row["attack"]: row for row in json.loads((out / "found.json").read_text())}


def exposed(folder, asked, out):
    """Score canaries by a learned generator."""
    path, model = out / "exposed.json", str(folder / "model" / "model_index.json")
    expose_generator(str(folder / "pool"), model, asked, 1, "teacher", str(path), Step.null())
    return json.loads(path.read_text())
