"""Limits of the findings, set on originals so that the asked share of patients passes all of them together.

Two groups of patients set them. The reference patients say how far each finding goes to either side of its median; the
held-out patients say by how much all these distances are widened or narrowed together, so that their pictures pass
(split conformal prediction). Nothing is learned, and no synthetic picture is looked at.

References
----------
Vovk 2012, Conditional validity of inductive conformal predictors: of n scores the k-th, k = ceil((n + 1) share), is
exceeded by a further exchangeable patient with a probability of at most 1 - share; it exists where k <= n.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Floats
from avatarflow.core.errors import refuse
from avatarflow.core.statistics import fewest_to_keep

from . import WRONG_ANATOMY
from .check import LEAST, MOST

LOG_OFFSET = 0.02  # added before the logarithm is taken of findings that are never negative
NARROWEST = 0.02  # a distance is this at least: a finding may be 0 in every original
UNMEASURED = f"{WRONG_ANATOMY}could not be measured"
Findings = Mapping[str, tuple[tuple[str, ...], str]]


def set_limits(
    kinds: Findings,
    reference: pd.DataFrame,
    held_out: pd.DataFrame,
    share: float,
) -> dict[str, dict[str, float]]:
    """Return per finding `least` and `most`, where it has such a limit.

    Parameters
    ----------
    kinds : mapping
        `FINDINGS` of a kind of picture.
    reference, held_out : DataFrame
        A row per picture: `person` and a column per finding, NaN where it was not measured (held out only).
    share : float
        Of held-out patients all of whose pictures pass.

    Raises
    ------
    AvatarflowError
        If there are fewer held-out patients than `fewest_to_keep`, too many of them were not measured, or there is no
        reference patient.
    """
    n, needed = held_out["person"].nunique(), fewest_to_keep(share)
    if n < needed or reference.empty:
        found = f"{n} held-out and test patients where {needed} are needed for limits that {share:g} of patients pass"
        raise refuse(
            "anatomy", found, "give more patients, lower anatomy.pass_share, or leave anatomy out"
        )
    scales = [_Scale.of(name, side, reference, share) for name in kinds for side in kinds[name][0]]
    stretch = np.column_stack([scale.stretch(held_out[scale.name]) for scale in scales])
    farthest = np.nan_to_num(stretch.max(1), nan=math.inf)  # what was not measured keeps no limit
    scores = _per_patient(farthest, held_out["person"], np.max)
    factor = float(np.sort(scores)[math.ceil((n + 1) * share - 1e-9) - 1])
    if not math.isfinite(factor):
        found = f"pictures of more than {1 - share:.2g} of {n} patients could not be measured"
        raise refuse("anatomy", found, "check that anatomy.kind names what the pictures show")
    limits: dict[str, dict[str, float]] = {name: {} for name in kinds}
    for scale in scales:
        limits[scale.name][scale.side] = scale.at(factor)
    return limits


def refusals(
    kinds: Findings, limits: Mapping[str, Mapping[str, float]], found: Mapping[str, float]
) -> list[str]:
    """Return why a picture is refused, one reason per finding beyond a limit; none where it passes.

    A finding that is missing or not finite refuses it.
    """
    reasons = []
    for name, (sides, reason) in kinds.items():
        value = found.get(name, float("nan"))
        within = {
            LEAST: value >= limits[name].get(LEAST, -math.inf),
            MOST: value <= limits[name].get(MOST, math.inf),
        }
        if not math.isfinite(value):
            reasons.append(UNMEASURED)
        elif not all(within[side] for side in sides):
            reasons.append(f"{WRONG_ANATOMY}{reason}")
    return list(dict.fromkeys(reasons))


class _Scale(NamedTuple):
    """How far a picture lies from the median of a finding to one side.

    1 is where the farthest reference patient lies when a quarter of the share that may fail is left out at that side.
    Towards 0 findings that are never negative are measured on a logarithmic scale, or a limit could lie below 0.
    """

    name: str
    side: str
    positive: bool
    middle: float
    distance: float

    @classmethod
    def of(cls, name: str, side: str, reference: pd.DataFrame, share: float) -> "_Scale":
        raw = reference[name].to_numpy(float)
        positive = side == LEAST and bool((raw >= 0).all())
        values = np.log(raw + LOG_OFFSET) if positive else raw
        ends = _per_patient(values, reference["person"], np.max if side == MOST else np.min)
        # one odd patient must not say how far a finding goes
        beyond = int((1 - share) / 4 * len(ends))
        order = np.sort(ends)
        middle, end = (
            float(np.median(values)),
            float(order[-1 - beyond if side == MOST else beyond]),
        )
        distance = max(abs(end - middle), NARROWEST)
        return cls(name, side, positive, middle, distance if side == MOST else -distance)

    def stretch(self, values: pd.Series) -> Floats:
        """(pictures,) where each lies on the way from the median (0) to the farthest reference patient (1)."""
        raw = values.to_numpy(float)
        if self.positive:
            raw = np.log(np.maximum(raw + LOG_OFFSET, 1e-6))
        return np.asarray((raw - self.middle) / self.distance)

    def at(self, factor: float) -> float:
        """Return the value that lies so far."""
        value = self.middle + factor * self.distance
        return math.exp(value) - LOG_OFFSET if self.positive else value


def _per_patient(values: Floats, persons: Any, pick: Callable[[Floats], float]) -> Floats:
    """Return the value of each patient that counts: the largest or the smallest."""
    return np.asarray(pd.Series(values).groupby(np.asarray(persons)).agg(pick), np.float64)
