"""The station of attacks on a generator: the pool's pictures, the attacked one, and a copy that leaks. torch side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avatarflow.core.errors import AvatarflowError, refuse
from avatarflow.core.paths import write_json
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.interface import family_of
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.intake.persons import TRAINED
from avatarflow.privacy.attacks.conclusion import unmeasured
from avatarflow.privacy.attacks.controls.model_leak import plant
from avatarflow.privacy.attacks.subjects import chosen
from avatarflow.runs.context import Step

from .access import Access
from .registry import MODEL_ATTACKS, Known, attack_generator


def attack_model(
    pool: str, model: str, settings: Mapping[str, Any], seed: int, stage: str, state: str, results: str, step: Step
) -> None:
    """Attack one generator and write what was found.

    Parameters
    ----------
    pool : str
        Shards of the pool: members are the persons of the trained roles, non-members the held-out ones.
    model : str
        `model_index.json` of the generator.
    settings : mapping
        `conditions`, `attacks` and `compute` of the config.
    stage : str
        `teacher` or `student`.
    state : str
        Folder for the planted copy and its checkpoints.
    results : str
        The JSON file: one entry per attack.
    """
    conditions, attacks, compute = Conditions(settings["conditions"]), settings["attacks"], settings["compute"]
    table = read_table(pool)
    keep = chosen(table, attacks["persons"], seed)
    rows = table[keep]
    member = rows["role"].isin(TRAINED).to_numpy()
    items, persons = rows["item"].to_numpy(np.int64), rows["person"].to_numpy(np.int64)
    known = Known(read_pictures(pool)[keep], conditions.ids(rows), items, persons, member)
    try:
        if len(np.unique(persons[~member])) < 2:
            raise refuse("attack on the generator", "fewer than two strangers", "hold persons out")
        if (kind := family_of(Path(model).parent)) != "diffusion":
            raise refuse("attack on the generator", f"a generator of family {kind}", "no attack reads it yet")
        folder = plant(Path(model).parent, known, conditions, attacks["plant"], compute, seed, Path(state), step)
        access, leaking = (Access(each, conditions, compute) for each in (Path(model).parent, folder))
        found = attack_generator(access, leaking, known, attacks, seed)
    except AvatarflowError as refusal:  # nothing is known of the generator then, and it stays in
        found = {name: unmeasured(str(refusal).replace("\n", " / ")) for name in MODEL_ATTACKS}
    out = [
        {"access": "model", **each, "attack": name, "view": "model", "target": stage} for name, each in found.items()
    ]
    for each in out:
        step.info("%s %s: %s (%s)", stage, each["attack"], each["verdict"], each["reason"])
    write_json(results, out, allow_nan=False)
