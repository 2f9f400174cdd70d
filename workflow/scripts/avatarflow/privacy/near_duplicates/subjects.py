"""What near-duplicates are made of: originals of test persons, each with one of somebody else, and their labels."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from avatarflow.core import seeds
from avatarflow.core.arrays import Integers, Pictures
from avatarflow.core.errors import refuse
from avatarflow.generators.conditions import Conditions, Ids
from avatarflow.imaging.spool import Stored

WHERE = "near-duplicates"


@dataclass(frozen=True)
class Subjects:
    """Originals and what belongs to them.

    Parameters
    ----------
    pictures, others : (n, size, size, 3) uint8
        An original, and an original of another person.
    rows, other_rows : (n,)
        Where both stand in the pool, 0-based.
    items, persons : (n,)
    ids : (n,)
        Class ids of their labels.
    """

    pictures: Pictures
    others: Pictures
    rows: Integers
    other_rows: Integers
    items: Integers
    persons: Integers
    ids: Ids

    def __len__(self) -> int:
        return len(self.pictures)

    def part(self, rows: slice) -> "Subjects":
        """Some of them."""
        return Subjects(**{name: value[rows] for name, value in vars(self).items()})


def subjects_of(
    table: pd.DataFrame, pictures: Stored, conditions: Conditions, persons: int, seed: int
) -> Subjects:
    """All pictures of at most so many test persons; the other original is drawn among those of other test persons.

    Raises
    ------
    AvatarflowError
        If there are fewer than two test persons.
    """
    drawn = seeds.generator(seed, "near-duplicate persons")
    who = table["person"].to_numpy()
    tested = np.flatnonzero((table["role"] == "test").to_numpy())
    chosen = np.sort(drawn.permutation(np.unique(who[tested]))[:persons])
    if len(np.unique(who[tested])) < 2:
        raise refuse(WHERE, "fewer than two test persons", "give more persons, or turn them off")
    rows = tested[np.isin(who[tested], chosen)]
    others = []
    for row in rows:
        of_others = tested[who[tested] != who[row]]
        others.append(
            of_others[
                seeds.generator(seed, "blended with", int(table["item"].iloc[row])).integers(
                    len(of_others)
                )
            ]
        )
    second = np.array(others)
    return Subjects(
        pictures[rows], pictures[second], rows, second, table["item"].to_numpy(np.int64)[rows], who[rows],
        conditions.ids(table.iloc[rows]),
    )  # fmt: skip
