"""Figures beside the mean: per subgroup, and the person with whom the cones fare worst."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.statistics import share_of_pictures

COLUMNS = ("sex", "eye_side", "age_band")
"""Columns of the pool that divide persons, where the entry's conditions bring them along."""


def by_subgroup(
    accepted: npt.NDArray[np.bool_], rows: pd.DataFrame, seed: int
) -> dict[str, dict[str, Any]]:
    """Share of pictures accepted per value of each column that is there, with intervals over persons.

    Parameters
    ----------
    accepted : (n,)
        One per picture.
    rows : (n rows)
        `person` and some of `COLUMNS`; a missing value is no subgroup.

    Returns
    -------
    dict
        Column -> value -> share.
    """
    found: dict[str, dict[str, Any]] = {}
    for column in [name for name in COLUMNS if name in rows.columns]:
        values = rows[column].to_numpy(dtype=object)
        found[column] = {}
        for value in sorted({str(each) for each in values[~pd.isna(values)]}):
            chosen = np.array([not pd.isna(each) and str(each) == value for each in values], bool)
            share = share_of_pictures(accepted[chosen], rows["person"].to_numpy()[chosen], seed)
            found[column][value] = share.as_dict()
    return found


def worst_person(risk: Floats, persons: Integers) -> dict[str, Any] | None:
    """Return whose altered picture lies farthest outside the cones; None without persons.

    Returns
    -------
    dict
        `person` (its run-local number, nothing else is known of it), `risk` (the largest of its perturbations; missed
        where above 1), `missed` and `n` (its perturbations accepted, and all).
    """
    if not len(risk):
        return None
    worst = int(persons[int(risk.argmax())])
    own = risk[persons == worst]
    return {
        "person": worst,
        "risk": float(own.max()),
        "missed": int((own > 1).sum()),
        "n": len(own),
    }
