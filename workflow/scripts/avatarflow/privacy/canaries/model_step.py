"""The step that asks a generator for the canaries: scores of every attack on it. torch side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.paths import write_json
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.interface import open_attacked
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.intake.canaries import COPIES
from avatarflow.privacy.attacks.on_generator.registry import Known, scores_of
from avatarflow.runs.context import Step


def expose_generator(
    canaries: str,
    model: str,
    settings: Mapping[str, Any],
    seed: int,
    stage: str,
    results: str,
    step: Step,
) -> None:
    """Score every canary by every attack on one generator.

    Parameters
    ----------
    canaries : str
        Shards, as `planting.write_canaries` writes them.
    model : str
        `model_index.json` of the generator.
    settings : mapping
        `conditions`, `generator` and `compute` of the config.
    results : str
        The JSON file: `target`, `scores` (attack to one number per canary), `refused` (why there are none).
    """
    table, conditions = read_table(canaries), Conditions(settings["conditions"])
    found: dict[str, Any] = {"target": stage, "scores": {}, "refused": ""}
    items = table["item"].to_numpy(np.int64)
    known = Known(
        read_pictures(canaries), conditions.ids(table), items, items, (table[COPIES] > 0).to_numpy()
    )
    try:
        generator = open_attacked(
            settings["generator"]["family"], Path(model).parent, conditions, settings["compute"],
            "canaries in the generator",
        )  # fmt: skip
        scores = scores_of(generator, known, seed)
        found["scores"] = {
            name: each.tolist() for name, each in scores.items() if np.isfinite(each).all()
        }
    except AvatarflowError as refusal:
        found["refused"] = str(refusal).replace("\n", " / ")
        step.warning("%s: %s", stage, found["refused"])
    write_json(results, found, allow_nan=False)
