"""Estimates with confidence intervals. Persons, not pictures, are the independent units wherever both are known."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from . import seeds
from .arrays import Floats, Integers, Mask

LEVEL = 0.95
Z_95 = 1.959963984540054  # 97.5 % quantile of the normal distribution
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A measured value, its 95 % confidence interval and n, the number of units behind it.

    `value` None means that it could not be measured. `persons` and `method` are set where units are pictures.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    persons: int | None = None
    method: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON, without those that were not set."""
        optional = ("persons", "method")
        return {
            key: value
            for key, value in asdict(self).items()
            if key not in optional or value is not None
        }

    @classmethod
    def missing(cls, n: int = 0) -> "Estimate":
        """Return an estimate that could not be made."""
        return cls(None, None, None, n)

    @classmethod
    def exact(cls, value: float, n: int) -> "Estimate":
        """Return a value that was counted over everything it speaks of, so without an error of its own."""
        return cls(float(value), float(value), float(value), n)

    @classmethod
    def of(cls, fields: "Mapping[str, Any] | Estimate | None") -> "Estimate":
        """Read the four fields `value`, `low`, `high` and `n`; what is absent or not finite becomes None."""
        if isinstance(fields, Estimate):
            fields = fields.as_dict()
        fields = fields or {}
        value, low, high = (finite(fields.get(name)) for name in ("value", "low", "high"))
        return cls(value, low, high, int(finite(fields.get("n")) or 0))

    @classmethod
    def bootstrapped(cls, value: float, draws: Floats, n: int) -> "Estimate":
        """Take the percentile interval of bootstrap draws. A value that is not finite is missing."""
        draws = draws[np.isfinite(draws)]
        if not math.isfinite(value) or not len(draws):
            return cls.missing(n)
        low, high = np.percentile(draws, [2.5, 97.5])
        return cls(float(value), float(low), float(high), n)

    def fields(self, name: str) -> dict[str, float]:
        """Return value and interval as columns `name`, `name_low` and `name_high`; NaN where they are missing."""
        ends = {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}
        return {column: math.nan if end is None else end for column, end in ends.items()}


def finite(value: Any) -> float | None:
    """Return a number as float, and None for everything else: text, truth values, infinity, NaN."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """Exact two-sided 95 % interval of a share; (0, 1) where n is 0.

    References
    ----------
    Clopper and Pearson 1934, Biometrika 26:404-413.
    """
    tail = (1 - LEVEL) / 2
    low = float(stats.beta.ppf(tail, hits, n - hits + 1)) if hits > 0 else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def fewest_to_show(largest: float) -> int:
    """Return the fewest of whom none must be hit to show that a share is at most `largest`, above 0.

    The upper end of the exact interval counts, as for `clopper_pearson`.

    >>> fewest_to_show(0.1), fewest_to_show(0.2), fewest_to_show(1)
    (36, 17, 1)
    """
    if largest >= 1:
        return 1
    return math.ceil(math.log((1 - LEVEL) / 2) / math.log1p(-largest) - 1e-9)


def fewest_to_keep(share: float) -> int:
    """Return the fewest scores one of which is a limit that a further one keeps with the chance `share`, below 1.

    Of n scores the k-th, k = ceil((n + 1) share), exists where n >= share / (1 - share).

    References
    ----------
    Vovk 2012, Conditional validity of inductive conformal predictors.

    >>> fewest_to_keep(0.99), fewest_to_keep(0.95)
    (99, 19)
    """
    return math.ceil(share / (1 - share) - 1e-9)


def wilson(hits: float, n: int) -> Estimate:
    """Share of hits with Wilson's 95 % score interval.

    References
    ----------
    Wilson 1927, J. Am. Stat. Assoc. 22:209-212.
    """
    if n == 0:
        return Estimate.missing()
    share = hits / n
    middle = (share + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    half = Z_95 / (1 + Z_95**2 / n) * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    return Estimate(
        share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)), n
    )


def wilson_or_exact(hits: int, n: int) -> Estimate:
    """As `wilson`; where all or none were hit, the far end is the exact one-sided 95 % bound, about 3/n away.

    References
    ----------
    Clopper and Pearson 1934; Hanley and Lippman-Hand 1983, JAMA 249:1743 (the rule of three).
    """
    if n and hits in (0, n):
        near = (1 - LEVEL) ** (1 / n)
        return Estimate(1.0, near, 1.0, n) if hits else Estimate(0.0, 0.0, 1 - near, n)
    return wilson(hits, n)


def share_over_persons(hits: npt.ArrayLike, persons: Integers) -> Estimate:
    """Share of pictures that hit, with a Wilson interval that counts persons, not pictures.

    Pictures of one person are not independent; taking the persons as the sample size is the cautious end of the
    design effect, and unlike a bootstrap it stays honest when every picture hits.
    """
    values = np.asarray(hits, dtype=np.float64)
    if not len(values):
        return Estimate.missing()
    n = len(np.unique(persons))
    return wilson(float(values.mean()) * n, n)


def share_of_persons(events: Mask, persons: Integers) -> Estimate:
    """Share of persons to whom the event happened at least once, with the exact interval over persons."""
    _, inverse = np.unique(persons, return_inverse=True)
    struck = np.bincount(inverse, weights=events) > 0
    hits, n = int(struck.sum()), len(struck)
    low, high = clopper_pearson(hits, n)
    return Estimate(
        hits / n if n else float("nan"), low, high, len(events), n, "Clopper-Pearson over persons"
    )


def share_of_pictures(events: Mask, persons: Integers, seed: int) -> Estimate:
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
        return Estimate(value, low, high, len(events), n, "Clopper-Pearson over persons")
    low, high = bootstrap(lambda rows: float(hits[rows].sum() / sizes[rows].sum()), n, seed)
    return Estimate(value, low, high, len(events), n, "bootstrap over persons")


def bootstrap(
    statistic: Callable[[Integers], float], n: int, seed: int, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """95 % percentile interval of a statistic of n independent units, given as indices drawn with replacement."""
    drawn = seeds.generator(seed, "bootstrap", n)
    values = [statistic(drawn.integers(0, n, n)) for _ in range(resamples)]
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def bootstrap_weights(groups: int, draws: int, seed: int, purpose: str) -> Floats:
    """(draws, groups) how often each group is drawn in each bootstrap sample of `groups` groups."""
    chance = np.full(groups, 1.0 / max(groups, 1))
    return (
        seeds.generator(seed, f"bootstrap.{purpose}")
        .multinomial(groups, chance, size=draws)
        .astype(np.float64)
    )


def cluster_interval(hits: Sequence[int], totals: Sequence[int], seed: int) -> tuple[float, float]:
    """95 % percentile interval of a pooled share when whole clusters are drawn again; NaN for fewer than two clusters.

    Fragments of one genome are missed together, so donors and genomes are counted, not fragments.

    Parameters
    ----------
    hits, totals : sequence of int
        One per donor (sensitivity) or microbial genome (specificity).
    seed : int

    References
    ----------
    Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8. With few clusters it is too narrow.
    """
    hit, total = np.asarray(hits, float), np.asarray(totals, float)
    hit, total = hit[total > 0], total[total > 0]
    if len(total) < 2:
        return float("nan"), float("nan")
    chosen = seeds.generator(seed, "clusters").integers(0, len(total), (RESAMPLES, len(total)))
    shares = hit[chosen].sum(1) / total[chosen].sum(1)
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)
