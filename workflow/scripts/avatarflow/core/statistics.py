"""What finite numbers of persons allow to be said: intervals and coverage bounds, numpy and scipy only."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from avatarflow.core.arrays import Integers

from . import seeds
from .errors import refuse

LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """A share with its interval; `n` counts what was judged, `persons` who they belong to."""

    value: float
    low: float
    high: float
    n: int
    persons: int
    method: str

    def summary(self) -> dict[str, Any]:
        """As plain values for JSON and run records."""
        return asdict(self)


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

    def summary(self) -> dict[str, Any]:
        """As plain values for JSON and run records."""
        return asdict(self)


def clopper_pearson(hits: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Exact two-sided interval of a share; (0, 1) where n is 0.

    References
    ----------
    Clopper and Pearson 1934.
    """
    tail = (1 - level) / 2
    low = float(stats.beta.ppf(tail, hits, n - hits + 1)) if hits > 0 else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def share_of_persons(events: npt.NDArray[np.bool_], persons: Integers) -> Share:
    """Share of persons to whom the event happened at least once, with the exact interval over persons."""
    _, inverse = np.unique(persons, return_inverse=True)
    struck = np.bincount(inverse, weights=events) > 0
    hits, n = int(struck.sum()), len(struck)
    low, high = clopper_pearson(hits, n)
    return Share(hits / n if n else float("nan"), low, high, len(events), n, "Clopper-Pearson over persons")


def share_of_pictures(events: npt.NDArray[np.bool_], persons: Integers, seed: int, resamples: int = 2000) -> Share:
    """Share of pictures with the event; the interval takes persons, not pictures, as independent.

    Where no picture or every picture has the event a bootstrap has no width: the exact interval over persons is given
    instead.
    """
    _, inverse = np.unique(persons, return_inverse=True)
    hits, sizes = np.bincount(inverse, weights=events), np.bincount(inverse).astype(float)
    n = len(sizes)
    value = float(hits.sum() / sizes.sum()) if n else float("nan")
    if n == 0 or value in (0.0, 1.0):
        low, high = clopper_pearson(round(value * n) if n else 0, n)
        return Share(value, low, high, len(events), n, "Clopper-Pearson over persons")
    low, high = bootstrap(lambda rows: float(hits[rows].sum() / sizes[rows].sum()), n, seed, resamples)
    return Share(value, low, high, len(events), n, "bootstrap over persons")


def bootstrap(
    statistic: Callable[[Integers], float], n: int, seed: int, resamples: int = 2000, level: float = LEVEL
) -> tuple[float, float]:
    """Percentile interval of a statistic of n independent units, given as indices drawn with replacement."""
    drawn = seeds.generator(seed, "bootstrap", n)
    values = [statistic(drawn.integers(0, n, n)) for _ in range(resamples)]
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def reject_all_coverage(persons: int) -> Coverage:
    """Of c = the largest needed scale: miss at most 1 / (n + 1) on average, 1 - 0.05^(1/n) with 95 % confidence."""
    return Coverage("reject-all", persons, persons, 1 / (persons + 1), 1 - (1 - LEVEL) ** (1 / persons))


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
        need = int(np.ceil(1 / alpha - 1e-9)) - 1
        raise refuse(
            "cone calibration",
            f"{persons} calibration persons cannot give a miss rate of {alpha:g}",
            f"give at least {need} calibration persons or a larger alpha",
        )
    low = float(stats.beta.ppf(1 - LEVEL, rank, persons + 1 - rank))
    return Coverage("conformal", persons, rank, 1 - rank / (persons + 1), 1 - low)
