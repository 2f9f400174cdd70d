"""What a calibration of the cones promises for one further person."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from avatarflow.core.errors import refuse
from avatarflow.core.statistics import LEVEL, fewest_to_keep


@dataclass(frozen=True)
class Coverage:
    """What a calibration promises for one further exchangeable person: shares of persons that are missed.

    `mean_miss` is the expectation over calibration sets, `miss_bound` holds for 95 % of them, `rank` is the order
    statistic of the persons' needed scales that became c.
    """

    mode: str
    persons: int
    rank: int
    mean_miss: float
    miss_bound: float


def promise(unit: str, coverage: Mapping[str, Any]) -> tuple[str, str]:
    """Return whom figures count and what a calibration promises, as sentences of a claim.

    Parameters
    ----------
    unit : str
        `person` or `eye`: what the originals allow to be told apart.
    coverage : mapping
        `mode` (`reject-all` or `conformal`), `persons`, `mean_miss`, `miss_bound`.
    """
    whose = (
        "person"
        if unit == "person"
        else "eye: the originals do not tell which eyes belong to one person"
    )
    every = (
        "every calibration perturbation" if coverage["mode"] == "reject-all" else "the asked share"
    )
    return (
        f"The unit of every privacy figure is the {whose}.",
        f"The cones reject {every} of {coverage['persons']} calibration {unit}s. Of a further exchangeable {unit} "
        f"some perturbation is missed with a probability of at most {coverage['mean_miss']:.2%} on average over "
        f"calibrations; in 95 % of calibrations it is at most {coverage['miss_bound']:.2%}.",
    )


def reject_all_coverage(persons: int) -> Coverage:
    """Of c = the largest needed scale: miss at most 1 / (n + 1) on average, 1 - 0.05^(1/n) with 95 % confidence."""
    return Coverage(
        "reject-all", persons, persons, 1 / (persons + 1), 1 - (1 - LEVEL) ** (1 / persons)
    )


def conformal_coverage(persons: int, alpha: float) -> Coverage:
    """Of c = the k-th smallest needed scale, k = ceil((n + 1)(1 - alpha)); coverage is Beta(k, n + 1 - k).

    Raises
    ------
    AvatarflowError
        If so few persons cannot give that risk.

    References
    ----------
    Vovk 2012, Conditional validity of inductive conformal predictors.
    """
    rank = int(np.ceil((persons + 1) * (1 - alpha) - 1e-9))
    if rank > persons:
        need = fewest_to_keep(1 - alpha)
        raise refuse(
            "cone calibration",
            f"{persons} calibration persons cannot give a miss rate of {alpha:g}",
            f"give at least {need} calibration persons or a larger alpha",
        )
    low = float(stats.beta.ppf(1 - LEVEL, rank, persons + 1 - rank))
    return Coverage("conformal", persons, rank, 1 - rank / (persons + 1), 1 - low)
