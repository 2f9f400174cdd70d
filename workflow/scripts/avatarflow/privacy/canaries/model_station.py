"""The station that asks a generator for the canaries: scores of every attack on it. torch side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import AvatarflowError, refuse
from ...imaging.shards import read_pictures, read_table
from ...intake.canaries import COPIES
from ...paths import write_json
from ...runtime import Step
from ...synthesis.conditions import Conditions
from ...synthesis.family import family_of
from ..attacks.access import Access
from ..attacks.with_model import Known, scores_of


def expose_generator(
    canaries: str, model: str, settings: Mapping[str, Any], seed: int, stage: str, results: str, step: Step
) -> None:
    """Score every canary by every attack on one generator.

    Parameters
    ----------
    canaries : str
        Shards, as `planting.write_canaries` writes them.
    model : str
        `model_index.json` of the generator.
    settings : mapping
        `conditions` and `compute` of the config.
    results : str
        The JSON file: `target`, `scores` (attack to one number per canary), `refused` (why there are none).
    """
    table, conditions = read_table(canaries), Conditions(settings["conditions"])
    found: dict[str, Any] = {"target": stage, "scores": {}, "refused": ""}
    items = table["item"].to_numpy(np.int64)
    known = Known(read_pictures(canaries), conditions.ids(table), items, items, (table[COPIES] > 0).to_numpy())
    try:
        if (kind := family_of(Path(model).parent)) != "diffusion":
            raise refuse("canaries in the generator", f"a generator of family {kind}", "no attack reads it yet")
        scores = scores_of(Access(Path(model).parent, conditions, settings["compute"]), known, seed)
        found["scores"] = {name: each.tolist() for name, each in scores.items() if np.isfinite(each).all()}
    except AvatarflowError as refusal:
        found["refused"] = str(refusal).replace("\n", " / ")
        step.warning("%s: %s", stage, found["refused"])
    write_json(results, found, allow_nan=False)
