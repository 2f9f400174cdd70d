"""Figures are values with an interval and the number of units behind them."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from avatarflow.core import seeds
from avatarflow.core.arrays import Floats, Integers

Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Figure:
    """One measured value, its 95 % interval and n, the independent units (persons, else pictures) behind it.

    `value` None means: it could not be measured.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON-able fields."""
        return asdict(self)

    @classmethod
    def missing(cls, n: int = 0) -> "Figure":
        """A figure that could not be measured."""
        return cls(None, None, None, n)

    @classmethod
    def exact(cls, value: float, n: int) -> "Figure":
        """A figure that was counted over everything it speaks of, so without an error of its own."""
        return cls(float(value), float(value), float(value), n)

    @classmethod
    def of(cls, fields: "Mapping[str, Any] | Figure | None") -> "Figure":
        """From such fields; anything absent or not finite becomes None."""
        if isinstance(fields, Figure):
            fields = fields.as_dict()
        fields = fields or {}
        value, low, high = (_finite(fields.get(name)) for name in ("value", "low", "high"))
        return cls(value, low, high, int(_finite(fields.get("n")) or 0))

    @classmethod
    def bootstrapped(cls, value: float, draws: Floats, n: int) -> "Figure":
        """From the value and its bootstrap draws: the percentile interval. A value that is not finite is missing."""
        draws = draws[np.isfinite(draws)]
        if not math.isfinite(value) or not len(draws):
            return cls.missing(n)
        low, high = np.percentile(draws, [2.5, 97.5])
        return cls(float(value), float(low), float(high), n)


def wilson(hits: float, n: int) -> Figure:
    """Share of hits with Wilson's 95 % score interval.

    References
    ----------
    Wilson 1927, J. Am. Stat. Assoc. 22:209-212.
    """
    if n == 0:
        return Figure.missing()
    share = hits / n
    middle = (share + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    half = Z_95 / (1 + Z_95**2 / n) * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    return Figure(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)), n)


def share_over_persons(hits: npt.ArrayLike, persons: Integers) -> Figure:
    """Share of pictures that hit, with a Wilson interval that counts persons, not pictures.

    Pictures of one person are not independent; taking the persons as the sample size is the cautious end of the
    design effect, and unlike a bootstrap it stays honest when every picture hits.
    """
    values = np.asarray(hits, dtype=np.float64)
    if not len(values):
        return Figure.missing()
    n = len(np.unique(persons))
    return wilson(float(values.mean()) * n, n)


def bootstrap_weights(groups: int, draws: int, seed: int, purpose: str) -> Floats:
    """(draws, groups) how often each group is drawn in each bootstrap sample of `groups` groups."""
    chance = np.full(groups, 1.0 / max(groups, 1))
    return seeds.generator(seed, f"bootstrap.{purpose}").multinomial(groups, chance, size=draws).astype(np.float64)


def _finite(value: Any) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
