"""Generative near-duplicates: what they are by hand, and that they never reach an own radius or a calibration."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file

from avatarflow.config import loading
from avatarflow.core import digest
from avatarflow.core.errors import AvatarflowError
from avatarflow.generators import codec
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.diffusion.denoiser import Denoiser
from avatarflow.generators.diffusion.family import train
from avatarflow.generators.task import TrainingTask
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import read_table, write_shards
from avatarflow.privacy import perturbations
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.cones.shape import Shape
from avatarflow.privacy.fingerprints.files import save_rows
from avatarflow.privacy.near_duplicates import img2img
from avatarflow.privacy.near_duplicates.decide import judge_near_duplicates, measured
from avatarflow.privacy.near_duplicates.make import make_near_duplicates, near_duplicates, planned
from avatarflow.privacy.near_duplicates.registry import GENERATIVE
from avatarflow.privacy.near_duplicates.subjects import subjects_of
from avatarflow.runs.context import Step

CONDITIONS = Conditions({"eye_side": ["left", "right"]})
COMPUTE = {"threads": 1, "micro_batch": 4, "precision": "fp32", "device": "cpu"}
ROLES = ["calibration"] * 3 + ["test"] * 5 + ["encoder"] * 2 + ["heldout"] * 2


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Twelve eyes of as many persons, and a generator that has hardly seen them."""
    folder = tmp_path_factory.mktemp("world")
    pictures, _ = draw_eyes("fundus", [2 * person for person in range(12)], [0] * 12, 64, 3)
    table = pd.DataFrame(
        {"item": np.arange(12) + 100, "row": np.arange(12) * 2 + 1, "person": range(12), "role": ROLES,
         "eye": range(12), "eye_side": ["left", "right"] * 6}
    )  # fmt: skip
    write_shards(folder / "pool", pictures, table)
    train(
        TrainingTask(
            pictures,
            table,
            CONDITIONS,
            seed=1,
            state=folder / "state",
            out=folder / "teacher",
            network={"channels": (16, 32), "attention": (), "norm_groups": 4},
            training={"steps": 2, "batch": 4},
            compute=COMPUTE,
        ),
        Step.null(),
    )
    return folder, pictures, table


@pytest.fixture
def generator(world):
    return Denoiser(world[0] / "teacher", CONDITIONS, COMPUTE)


@pytest.fixture
def subjects(world):
    _, pictures, table = world
    return subjects_of(table, pictures, CONDITIONS, 3, 1)


def test_subjects_are_test_persons_each_beside_somebody_else(world, subjects):
    _, pictures, table = world
    assert len(subjects) == 3
    assert (table["role"].to_numpy()[subjects.rows] == "test").all()
    assert (table["role"].to_numpy()[subjects.other_rows] == "test").all()
    assert (subjects.persons != table["person"].to_numpy()[subjects.other_rows]).all()
    np.testing.assert_array_equal(subjects.others, pictures[subjects.other_rows])
    assert len(subjects_of(table, pictures, CONDITIONS, 100, 1)) == 5
    with pytest.raises(AvatarflowError, match="near-duplicates: fewer than two test persons"):
        subjects_of(table[:4], pictures[:4], CONDITIONS, 3, 1)


def test_a_blend_by_hand(generator, subjects):
    one, other = (np.full((2, 4, 4, 3), value, np.uint8) for value in (100, 200))
    two = SimpleNamespace(pictures=one, others=other)
    assert (GENERATIVE["blend"].make(generator, two, 0.3, 1) == 130).all()
    np.testing.assert_array_equal(
        near_duplicates(generator, subjects, "blend", 1.0, 1), subjects.others
    )


def test_the_round_trip_of_a_codec_that_loses_nothing_is_the_picture(world, generator, subjects):
    lossy = near_duplicates(generator, subjects, "round_trip", 0.0, 1).astype(int)
    assert 0 < np.abs(lossy - subjects.pictures).mean() < 8
    generator.pipe.vae = codec.pixel()
    exact = near_duplicates(generator, subjects, "round_trip", 0.0, 1).astype(int)
    assert np.abs(exact - subjects.pictures).max() <= 1


class Knowing(torch.nn.Module):
    """A network that sees the clean latents behind any noise, and counts how often it is asked."""

    def __init__(self, clean):
        super().__init__()
        self.clean, self.times = clean, []

    def forward(self, noisy, time, class_labels):
        self.times.append(int(time[0]))
        return SimpleNamespace(sample=self.clean[: len(noisy)])


def test_a_generator_that_knows_the_original_gives_its_round_trip_back(generator, subjects):
    generator.pipe.scheduler.register_to_config(prediction_type="sample")
    network = Knowing(generator.latents(subjects.pictures))
    generator.pipe.transformer = network
    expected = near_duplicates(generator, subjects, "round_trip", 0.0, 1).astype(int)
    for strength, passes in ((0.01, 1), (0.05, 2), (0.5, 20), (1.0, 40)):
        network.times.clear()
        found = near_duplicates(generator, subjects, "img2img", strength, 1).astype(int)
        assert np.abs(found - expected).max() <= 1, strength
        assert len(network.times) == passes
        assert network.times[0] == pytest.approx(
            1000 * passes / img2img.STEPS, abs=1
        )  # from there the noise went down


class Hesitant(Knowing):
    """One that takes half of what it sees for the clean latents."""

    def forward(self, noisy, time, class_labels):
        return SimpleNamespace(sample=(self.clean[: len(noisy)] + noisy) / 2)


def test_stronger_is_farther(generator, subjects):
    generator.pipe.scheduler.register_to_config(prediction_type="sample")
    generator.pipe.transformer = Hesitant(generator.latents(subjects.pictures))

    def far(strength):
        return np.abs(
            near_duplicates(generator, subjects, "img2img", strength, 1).astype(int)
            - subjects.pictures
        ).mean()

    assert far(0.05) < far(0.3) < far(0.9)


def test_what_is_drawn_belongs_to_the_item(generator, subjects):
    whole = near_duplicates(generator, subjects, "img2img", 0.3, 1)
    alone = near_duplicates(generator, subjects.part(slice(2, 3)), "img2img", 0.3, 1)
    assert np.abs(whole[2].astype(int) - alone[0]).max() <= 1  # convolutions round by batch
    again = near_duplicates(generator, subjects, "img2img", 0.3, 2)
    assert np.abs(whole.astype(int) - again).mean() > 1
    renamed = replace(subjects, items=subjects.items + 1)
    assert (
        np.abs(near_duplicates(generator, renamed, "img2img", 0.3, 1).astype(int) - whole).mean()
        > 1
    )


def test_steps_write_every_family_and_strength(world, tmp_path):
    folder, _, table = world
    settings = {"near_duplicates": {"persons": 4, "strengths": [0.1, 0.5]},
                "conditions": {"eye_side": ["left", "right"]},
                "generator": {"family": "diffusion"}, "compute": COMPUTE}  # fmt: skip
    index = str(folder / "teacher/model_index.json")
    make_near_duplicates(
        str(folder / "pool"), index, settings, 1, str(tmp_path / "made"), Step.null()
    )
    made = read_table(tmp_path / "made")
    assert list(made.groupby(["family", "strength"], sort=False).size().items()) == [
        (pair, 4) for pair in planned([0.1, 0.5])
    ]
    assert set(made.loc[made["family"] != "blend", "second"]) == {0}
    assert set(made["original"]) <= set(table.loc[table["role"] == "test", "row"])
    # cones so wide that all is rejected, then so narrow that nothing is
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((12, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    place = {row: number for number, row in enumerate(table["row"])}
    save_rows(tmp_path / "fingerprints", rows[[place[row] for row in made["original"]]], "abc")
    save_file(
        {"nothing": np.zeros(1)}, tmp_path / "encoder", {"encoder": json.dumps({"digest": "abc"})}
    )
    (tmp_path / "trial").write_text(json.dumps({"matcher": "fundus", "threshold": 0.7}))
    Cones(
        rows[:10],
        table["row"].to_numpy()[:10],
        np.full(10, 0.1),
        np.full(10, 0.1),
        Shape(),
        1.0,
        "abc",
    ).save(tmp_path / "cones")
    inputs = {name: str(tmp_path / name) for name in ("fingerprints", "encoder", "trial", "cones")}
    inputs |= {"pictures": str(tmp_path / "made"), "pool": str(folder / "pool")}
    judge_near_duplicates(
        inputs, {"nearest": 2}, 1, str(tmp_path / "t.tsv"), str(tmp_path / "f.png"), Step.null()
    )  # fmt: skip
    found = pd.read_csv(tmp_path / "t.tsv", sep="\t").set_index(["family", "strength"])
    assert (found["rejected"] == 1).all()
    assert found.loc[("round_trip", 0.0), "confirmed"] == 4
    assert found.loc[("blend", 0.1), "confirmed"] == 4
    assert (tmp_path / "f.png").stat().st_size > 1000


def test_shares_by_hand():
    made = pd.DataFrame(
        {"family": "blend", "strength": [0.1] * 4 + [0.5] * 2, "person": [1, 1, 2, 3, 1, 2]}
    )
    confirmed = np.array([1, 1, 1, 0, 0, 0], bool)
    rejected = np.array([1, 0, 1, 0, 1, 0], bool)
    matched = np.array([1, 1, 0, 0, 0, 0], bool)
    weak, strong = measured(made, confirmed, rejected, rejected | matched, 1).itertuples()
    assert (weak.n, weak.persons, weak.confirmed, weak.confirmed_persons) == (4, 3, 3, 2)
    assert (weak.rejected, weak.refused_together) == (0.5, 0.75)
    assert weak.rejected_confirmed == pytest.approx(2 / 3)
    assert weak.refused_together_confirmed == 1
    assert (strong.confirmed, strong.rejected) == (0, 0.5)
    assert np.isnan(strong.rejected_confirmed)
    assert (strong.rejected_confirmed_low, strong.rejected_confirmed_high) == (0, 1)


@pytest.mark.parametrize("name", GENERATIVE)
def test_the_config_refuses_them_where_cones_are_measured(name):
    assert name not in perturbations.FAMILIES
    release = {"source": {"generate": {}}, "gates": {}, "cone": {"families": ["rotation", name]}}
    with pytest.raises(
        AvatarflowError, match=rf"cone.families.1: found '{name}'; use one of rotation"
    ):
        loading.load({"releases": {"eyes": release}})
    with pytest.raises(AvatarflowError, match="no family"):
        perturbations.family(name)


@pytest.mark.parametrize(
    "module", ["fingerprints.step", "cones.calibration", "baselines.step", "cones.decide_step"]
)
def test_nothing_that_measures_or_calibrates_cones_knows_them(module):
    assert not [
        name
        for name in digest.closure([f"avatarflow.privacy.{module}"])
        if "near_duplicates" in name
    ]


def test_somebody_must_confirm_whose_they_are():
    release = {"source": {"generate": {}}, "gates": {}, "near_duplicates": {"persons": 5}}
    release["verifier"] = {"matcher": "none"}
    with pytest.raises(
        AvatarflowError, match=r"near_duplicates: nobody to confirm .*; set verifier.matcher"
    ):
        loading.load({"releases": {"eyes": release}})
    loading.load({"releases": {"eyes": {**release, "verifier": {"matcher": "fundus"}}}})


def test_faiss_and_torch_never_share_a_process():
    assert "avatarflow.privacy.search.neighbours" not in digest.closure(
        ["avatarflow.privacy.near_duplicates.make"]
    )
    judging = digest.closure(["avatarflow.privacy.near_duplicates.decide"])
    assert (
        not {"avatarflow.privacy.perturbations", "avatarflow.privacy.attacks.on_generator.access"}
        & judging
    )
