"""Figures of an attack over persons: AUC and true positive rates at low false positive rates, with intervals.

Nothing here knows what is attacked: scores of members and of non-members go in, one per person.
"""

from typing import Any

import numpy as np
from scipy import stats

from avatarflow.core.arrays import Floats
from avatarflow.core.statistics import Estimate, clopper_pearson

RATES = (0.001, 0.01, 0.1)
"""False positive rates at which true positive rates are given."""

HALVINGS = 60  # of an interval in [0, 1]: far below any printed digit


def placements(members: Floats, others: Floats) -> Floats:
    """(m,) share of the others below each member, ties half; its mean is the AUC."""
    ordered = np.sort(others)
    below, upto = (
        np.searchsorted(ordered, members, "left"),
        np.searchsorted(ordered, members, "right"),
    )
    return np.asarray((below + upto) / (2 * len(others)))


def auc(members: Floats, others: Floats, level: float = 0.95) -> Estimate:
    """Chance that a member has a higher score than a non-member, ties half.

    The interval is the wider, at either end, of two: DeLong's, which assumes nothing about how scores are distributed
    but has no width where the two sides do not overlap, and Newcombe's, which keeps one there.

    Parameters
    ----------
    members, others : (m,), (n,)
        One score per person, finite; m, n >= 2.
    level : float
        Of the interval.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837; Newcombe 2006, Statistics in Medicine 25:559, method 5.
    """
    z = float(stats.norm.ppf((1 + level) / 2))
    ours, theirs = placements(members, others), 1 - placements(others, members)
    value = float(ours.mean())
    spread = z * float(np.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs)))
    low, high = _newcombe(value, len(members), len(others), z)
    low, high = min(low, value - spread), max(high, value + spread)
    return Estimate(value, max(0.0, low), min(1.0, high), len(members) + len(others))


def _newcombe(value: float, members: int, others: int, z: float) -> tuple[float, float]:
    """Ends of the interval: where the distance to the value is z standard errors of the end itself."""

    def outside(end: float) -> bool:
        half = (members + others) / 2 - 1
        terms = 1 + half * (1 - end) / (2 - end) + half * end / (1 + end)
        return abs(value - end) > z * float(np.sqrt(end * (1 - end) * terms / (members * others)))

    ends = []
    for far in (0.0, 1.0):
        inner, outer = value, far
        for _ in range(HALVINGS):
            middle = (inner + outer) / 2
            inner, outer = (inner, middle) if outside(middle) else (middle, outer)
        ends.append(outer)
    return ends[0], ends[1]


def true_positives(members: Floats, others: Floats, rate: float) -> dict[str, Any]:
    """True positive rate where at most a share `rate` of the non-members is taken for members.

    The threshold lies at the highest score that leaves `floor(rate * n)` non-members above it. How high the false
    positive rate of further persons may be in truth is said by `fpr_bound`, the exact 97.5 % limit: with 150
    non-members and none above, 2.4 %. `chance` is that of so many members above the threshold, or more, where members
    and non-members do not differ: the threshold is an order statistic of the non-members, so that the number is
    beta-binomial.

    Returns
    -------
    dict
        `value`, `low`, `high` (exact, over members), `n`, `false_positives`, `fpr_bound`, `chance`.
    """
    allowed = int(np.floor(rate * len(others) + 1e-9))
    threshold = np.sort(others)[::-1][allowed] if allowed < len(others) else -np.inf
    hits, wrong = int((members > threshold).sum()), int((others > threshold).sum())
    low, high = clopper_pearson(hits, len(members))
    bound = clopper_pearson(wrong, len(others))[1]
    left = max(
        1, len(others) - wrong
    )  # none is left where all may be wrong, and then nothing is unlikely
    chance = stats.betabinom.sf(hits - 1, len(members), wrong + 1, left)
    figure = Estimate(hits / len(members), low, high, len(members)).as_dict()
    return {**figure, "false_positives": wrong, "fpr_bound": bound, "chance": float(chance)}
