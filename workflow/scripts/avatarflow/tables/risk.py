"""Risk of re-identification by three models of an attacker.

References
----------
Prosecutor and journalist: El Emam and Dankar 2008, J. Am. Med. Inform. Assoc. 15:627-637. Marketer: Dankar and El Emam
2010, A method for evaluating marketer re-identification risk, EDBT Workshops.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats, Integers


@dataclass(frozen=True)
class Risk:
    """A model's figures over the released patients: the largest and the mean chance, and the share above a limit."""

    largest: float
    mean: float
    above: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def prosecutor(released: Integers, limit: float) -> Risk:
    """An attacker who knows that a person is in the table: 1/f of the person's class of f released patients.

    Parameters
    ----------
    released : (patients,) int
        Class of each.
    limit : float
        What `above` counts from.
    """
    sizes = np.bincount(released)[released]
    return over_patients(1 / sizes, limit)


def journalist(released: Integers, population: Integers, limit: float) -> Risk:
    """An attacker who knows the population and not who is in the table: 1/F of the class's F persons of it.

    Parameters
    ----------
    released : (patients,) int
        Class of each released patient.
    population : (persons,) int
        Class of each person, by the same numbers; the released patients are among them.
    limit : float
    """
    classes = int(max(released.max(), population.max())) + 1
    sizes = np.bincount(population, minlength=classes)[released]
    return over_patients(1 / sizes, limit)


def marketer(released: Integers, population: Integers) -> float:
    """An attacker who links every record: the share that is linked rightly, (1/n) times the sum of f/F over classes."""
    return journalist(released, population, 1.0).mean


def over_patients(chances: Floats, limit: float) -> Risk:
    """Sum up the chances to name each of some patients rightly."""
    above = float((chances > limit).mean())
    return Risk(float(chances.max()), float(chances.mean()), above)
