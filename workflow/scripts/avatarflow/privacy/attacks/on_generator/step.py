"""The step that attacks a generator: the pool's pictures, the attacked one, and a copy that leaks. torch side."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from avatarflow.core.errors import AvatarflowError, refuse
from avatarflow.core.paths import write_json
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.families import FAMILIES
from avatarflow.generators.interface import open_attacked
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.intake.patients.persons import TRAINED
from avatarflow.privacy.attacks.conclusion import unmeasured
from avatarflow.privacy.attacks.controls.leaking_generator import plant
from avatarflow.privacy.attacks.subjects import chosen
from avatarflow.runs.context import Step

from .registry import Known, attack_generator, attacks_on

WHERE = "attack on the generator"


def attack_model(
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    seed: int,
    stage: str,
    state: str,
    results: str,
    step: Step,
) -> None:
    """Attack one generator and write what was found.

    Parameters
    ----------
    inputs : mapping
        `pool` (shards: members are the persons whom the generator was trained on, non-members the held-out ones) and
        `model` (`model_index.json` of the generator).
    settings : mapping
        `conditions`, `generator`, `attacks` and `compute` of the config.
    stage : str
        `teacher` or `student`.
    state : str
        Folder for the planted copy and its checkpoints.
    results : str
        The JSON file: one entry per attack.
    """
    conditions, attacks = Conditions(settings["conditions"]), settings["attacks"]
    pool, model = inputs["pool"], Path(inputs["model"]).parent
    table = read_table(pool)
    keep = chosen(table, attacks["persons"], seed)
    rows = table[keep]
    member = rows["role"].isin(TRAINED).to_numpy()
    items, persons = rows["item"].to_numpy(np.int64), rows["person"].to_numpy(np.int64)
    known = Known(read_pictures(pool, keep), conditions.ids(rows), items, persons, member)
    try:
        if len(np.unique(persons[~member])) < 2:
            raise refuse(WHERE, "fewer than two non-members", "hold persons out")
        opening = partial(
            open_attacked, settings["generator"]["family"],
            conditions=conditions, compute=settings["compute"], where=WHERE,
        )  # fmt: skip
        generator = opening(folder=model)  # refuses before a copy is taught
        planted = plant(model, known, conditions, settings, seed, Path(state), step)
        leaking = opening(folder=planted)
        found = attack_generator(generator, leaking, known, attacks, seed)
    except AvatarflowError as refusal:
        # nothing is known of the generator then, and it is internal only
        attacked_by = FAMILIES[settings["generator"]["family"]].attacked_by
        reason = str(refusal).replace("\n", " / ")
        found = {name: unmeasured(reason) for name in attacks_on(attacked_by)}
    out = [
        {"access": "model", **each, "attack": name, "view": "model", "target": stage}
        for name, each in found.items()
    ]
    for each in out:
        step.info("%s %s: %s (%s)", stage, each["attack"], each["conclusion"], each["reason"])
    write_json(results, out, allow_nan=False)
