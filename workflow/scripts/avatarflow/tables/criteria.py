"""k-anonymity, l-diversity and t-closeness of classes of patients.

References
----------
Sweeney 2002 (k); Machanavajjhala et al. 2007, ACM TKDD 1:3 (distinct and entropy l-diversity); Li, Li and
Venkatasubramanian 2007, ICDE 106-115 (t-closeness with the equal and the ordered distance).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats, Integers, Mask

EQUAL, ORDERED = "equal", "ordered"
DIGITS = 12  # so that sums in another order do not change which side of a limit a figure is on


@dataclass(frozen=True)
class Sensitive:
    """The known values of a sensitive column: each patient has the weight 1, shared by his different values.

    Parameters
    ----------
    patients, codes : (pairs,) int
        Every patient with every different value of his, once; values are numbered in their order.
    weights : (pairs,)
    n_values : int
    distance : str
        `EQUAL` or `ORDERED`: how far apart two values are for t-closeness.
    """

    patients: Integers
    codes: Integers
    weights: Floats
    n_values: int
    distance: str = EQUAL

    @classmethod
    def of(
        cls, patients: Integers, cells: Sequence[str | None], distance: str = EQUAL
    ) -> "Sensitive":
        """Take a column of a table; empty cells are no value.

        Parameters
        ----------
        patients : (rows,) int
        cells : (rows,)
            Numbers as text where the distance is `ORDERED`.
        distance : str
        """
        order: Any = float if distance == ORDERED else str
        present = sorted({order(cell) for cell in cells if cell not in (None, "")})
        number = {value: place for place, value in enumerate(present)}
        pairs = {
            (int(patient), number[order(cell)])
            for patient, cell in zip(patients, cells, strict=True)
            if cell not in (None, "")
        }
        table = np.array(sorted(pairs), np.int64).reshape(-1, 2)
        values_of = np.bincount(table[:, 0], minlength=1)
        return cls(table[:, 0], table[:, 1], 1 / values_of[table[:, 0]], len(present), distance)

    def masses(self, classes: Integers, kept: Mask) -> Floats:
        """(classes, values) weight of each value among the kept patients of each class."""
        return self._summed(self.weights, classes, kept)

    def surest(self, classes: Integers, kept: Mask) -> Floats:
        """(classes,) largest share of the known patients of a class who have one and the same value; 0 without any."""
        having = self._summed(np.ones(len(self.codes)), classes, kept)
        known = self.masses(classes, kept).sum(1)  # of each patient 1
        largest: Floats = having.max(1, initial=0) / np.maximum(known.round(), 1)
        return largest

    def _summed(self, weights: Floats, classes: Integers, kept: Mask) -> Floats:
        count = int(classes.max()) + 1 if len(classes) else 0
        here = kept[self.patients]
        places = classes[self.patients[here]] * self.n_values + self.codes[here]
        flat = np.bincount(places, weights[here], minlength=count * self.n_values)
        # without any value bincount gives whole numbers
        return flat.reshape(count, self.n_values).astype(np.float64)


def sizes(classes: Integers, kept: Mask) -> Integers:
    """(classes,) patients in each class."""
    return np.bincount(classes[kept], minlength=int(classes.max()) + 1 if len(classes) else 0)


def distinct_values(masses: Floats, surest: Floats) -> Integers:
    """(classes,) distinct l: how many different values a class has; 1 where every patient has one of them.

    Whoever is known to be in such a class is known to have that value, whatever else he has.
    """
    counts: Integers = np.count_nonzero(masses, axis=1)
    return np.where(surest >= 1, np.minimum(counts, 1), counts)


def entropy_values(masses: Floats, surest: Floats) -> Floats:
    """(classes,) entropy l: exp of the entropy of a class's values; 0 where none is known.

    Patients with several values could hide one that most of them have. Then it is at most that of having this value or
    not.
    """
    total = masses.sum(1, keepdims=True)
    shares = np.divide(masses, total, out=np.zeros_like(masses), where=total > 0)
    entropy = _entropy(shares)
    is_hidden = (surest >= 0.5) & (shares.max(1, initial=0) < surest - 1e-9)
    bound = _entropy(np.stack([surest, 1 - surest], axis=1))
    entropy = np.where(is_hidden, np.minimum(entropy, bound), entropy)
    return np.where(total[:, 0] > 0, np.exp(entropy), 0.0).round(DIGITS)


def _entropy(shares: Floats) -> Floats:
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy: Floats = -(shares * logs).sum(1)
    return entropy


def distances(masses: Floats, distance: str) -> Floats:
    """(classes,) distance of each class's values from those of all kept patients, 0 to 1; 1 where none is known.

    `EQUAL` is the variational distance, `ORDERED` the earth mover's distance over the ranks of the values.
    """
    total = masses.sum(1, keepdims=True)
    shares = np.divide(masses, total, out=np.zeros_like(masses), where=total > 0)
    whole = masses.sum(0)
    difference = shares - whole / max(whole.sum(), 1e-300)
    if distance == ORDERED:
        far = np.abs(difference.cumsum(1)).sum(1) / max(masses.shape[1] - 1, 1)
    else:
        far = np.abs(difference).sum(1) / 2
    return np.where(total[:, 0] > 0, far, 1.0).round(DIGITS)
