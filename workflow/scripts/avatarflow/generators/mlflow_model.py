"""Open a generator that MLflow keeps: `mlflow.pyfunc.load_model("models:/<release>/<version>")`.

MLflow calls `_load_pyfunc` by its name. It needs the packages of the workflow beside MLflow.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from avatarflow.core.arrays import Pictures
from avatarflow.core.paths import read_json

from .conditions import Conditions
from .interface import open_generator
from .settings import Compute

AT_ONCE = 64
SEED = "seed"


class Student:
    """A released generator as a function of conditions and seeds.

    Parameters
    ----------
    folder : Path
        `generator/`, and `asked.json` with the conditions it was trained with.
    """

    def __init__(self, folder: Path) -> None:
        asked = read_json(folder / "asked.json")
        self.conditions = Conditions(asked["conditions"])
        compute = Compute(device="cpu", precision="fp32")
        self.draw = open_generator(folder / "generator", self.conditions, compute)

    def predict(self, table: pd.DataFrame, params: Mapping[str, Any]) -> Pictures:
        """Draw one picture per row.

        Parameters
        ----------
        table : DataFrame
            The condition columns, an empty cell where any value may be, and `seed`: equal seeds draw from equal noise.
        params : mapping
            `guidance`, `steps`.

        Returns
        -------
        (n, size, size, 3) uint8
        """
        ids = self.conditions.ids(table).tolist()
        noises = [torch.Generator().manual_seed(int(seed)) for seed in table[SEED]]
        drawn = [
            self.draw(
                ids[start : start + AT_ONCE],
                float(params["guidance"]),
                noises[start : start + AT_ONCE],
                int(params["steps"]),
            )
            for start in range(0, len(ids), AT_ONCE)
        ]
        pictures: Pictures = (np.concatenate(drawn) * 255).round().astype(np.uint8)
        return pictures


def _load_pyfunc(path: str) -> Student:
    """Open a model's data folder; MLflow asks for a function of this name."""
    return Student(Path(path))
