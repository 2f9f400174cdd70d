"""Whom an attack is tried on: members and non-members of the pool, at most so many of each, and the planted half."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from avatarflow.core import seeds
from avatarflow.core.arrays import Integers, Mask
from avatarflow.intake.patients.persons import HELDOUT, TRAINED

NON_MEMBERS_STREAM = "strangers"
"""Name of the random stream that draws non-members; another name would draw others."""


def chosen(table: pd.DataFrame, persons: int, seed: int, members: Sequence[str] = TRAINED) -> Mask:
    """(n,) which rows of the pool are attacked: all pictures of at most so many members and so many non-members.

    Parameters
    ----------
    table : DataFrame
        `person` and `role` of each picture; roles that are neither trained on nor held out are left alone.
    members : sequence of str
        Roles that members are drawn from.
    """
    keep = np.zeros(len(table), bool)
    for stream, roles in (("members", members), (NON_MEMBERS_STREAM, (HELDOUT,))):
        rows = table["role"].isin(roles).to_numpy()
        people = np.unique(table.loc[rows, "person"])
        drawn = seeds.generator(seed, f"attack {stream}").permutation(len(people))[:persons]
        keep |= rows & table["person"].isin(people[drawn]).to_numpy()
    return keep


def half_of(persons: Integers, seed: int) -> Mask:
    """(n,) whether the picture's person is in the half that is planted; persons, not pictures, are divided."""
    people = np.unique(persons)
    order = seeds.generator(seed, "attack halves").permutation(len(people))
    return np.isin(persons, people[order[: len(people) // 2]])
