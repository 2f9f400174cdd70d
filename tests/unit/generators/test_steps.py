"""What training starts from."""

import numpy as np
import pandas as pd
import pytest

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.generators import steps as generator_steps
from avatarflow.generators.diffusion import family as diffusion

HUB = {"source": {"generate": {}}, "gates": {}, "base": {"hub": "somebody/eyes"}}


@pytest.mark.parametrize(
    ("base", "hub", "start"),
    [
        ("bases/x/model_index.json", None, "bases/x"),
        (None, "somebody/eyes", "somebody/eyes"),
        (None, None, None),
    ],
)
def test_a_base_is_a_folder_or_a_hub_id(base, hub, start):
    assert generator_steps.start_of(base, {"hub": hub}) == start


def test_the_hub_id_and_the_leave_to_ask_for_it_reach_training(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(generator_steps, "spooled", lambda _: np.zeros((1, 8, 8, 3)))
    monkeypatch.setattr(generator_steps, "read_table", lambda _: pd.DataFrame({"item": [0]}))
    monkeypatch.setattr(diffusion, "train", lambda task, step: asked.append(task))
    settings = {
        "conditions": {},
        "generator": {"family": "diffusion"},
        "network": {},
        "training": {},
        "tuning": {},
        "compute": {},
        "seed": 1,
        "hub": "somebody/eyes",
        "network_access": True,
    }
    generator_steps.finetune(
        "t",
        settings,
        str(tmp_path / "m" / "model_index.json"),
        "s",
        None,
        generator_steps.Step.null(),
    )
    assert asked[0].base == "somebody/eyes"
    assert asked[0].network_allowed is True


def test_a_hub_needs_the_network_to_be_allowed():
    with pytest.raises(
        AvatarflowError, match=r"config releases\.x\.base\.hub: the network is not allowed"
    ):
        load({"releases": {"x": HUB}})
    assert (
        load({"network_access": True, "releases": {"x": HUB}})["releases"]["x"]["base"]["pretrain"]
        is None
    )


def test_public_eyes_are_of_another_population_than_generated_originals():
    wanted = {"kind": "fundus", "persons": 2, "pictures_per_eye": 1}
    public, _ = generator_steps.public_eyes(wanted, 16, seed=1, processes=1)
    originals, _ = generator_steps.draw_eyes("fundus", [0, 1, 2, 3], [0] * 4, 16, 1)
    assert not (public == originals).all(axis=(1, 2, 3)).any()
