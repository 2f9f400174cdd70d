"""Say which patients show what the filter misses: none of them calibrated it.

No torch here: faiss must not share a process with it.
"""

import numpy as np
import pandas as pd

from avatarflow.core import seeds
from avatarflow.core.arrays import Integers

ROLE = {"test": "test", "seen": "encoder"}
"""Test patients are seen by nothing before they are judged, those of the role `encoder` were seen by the encoder."""


def measured_rows(table: pd.DataFrame, purpose: str, seed: int) -> Integers:
    """Return the rows of a pool whose perturbations are judged.

    Parameters
    ----------
    table : (n,) rows
        `role` and `person` of the pool.
    purpose : {"test", "seen"}
        All test patients; of those that the encoder has seen, as many drawn at random.

    Returns
    -------
    (m,)
        In the order of the pool.
    """
    chosen = (table["role"] == ROLE[purpose]).to_numpy()
    people = np.unique(table.loc[chosen, "person"])
    count = table.loc[table["role"] == "test", "person"].nunique()
    if len(people) > count:
        people = seeds.generator(seed, f"measured.{purpose}").choice(people, count, replace=False)
    return np.flatnonzero(chosen & table["person"].isin(people).to_numpy())
