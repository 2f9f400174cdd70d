"""Is a likelihood ratio honest? Of people who are not the donor, at most 1 in t may reach t."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats
from avatarflow.core.outcomes import FAIL, INCONCLUSIVE, PASS
from avatarflow.core.statistics import Estimate, bootstrap_weights

WITHIN = "within its interval"


@dataclass(frozen=True)
class Exceedance:
    """Share of (donor, candidate) pairs with a ratio of `threshold` or more, with its clustered 95 % interval."""

    threshold: float
    figure: Estimate
    donors: int
    result: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON-able fields."""
        return {"threshold": self.threshold, "allowed": 1 / self.threshold, "donors": self.donors,
                **self.figure.as_dict(), "result": self.result}  # fmt: skip


def exceedances(
    ratios: Floats, thresholds: Sequence[float], attainable: Floats, draws: int, seed: int
) -> list[Exceedance]:
    """Hold the null distribution against Markov's bound P(LR >= t | not the donor) <= 1 / t.

    Parameters
    ----------
    ratios : (donors, candidates)
        Lambda in nats; NaN where the candidate is the donor or was left out.
    thresholds : sequence of float
        Each t above 1.
    attainable : (donors,)
        The largest Lambda that any candidate could reach against these reads.
    draws : int
        Bootstrap samples of donors and of candidates, drawn apart (Owen 2007, Ann. Appl. Stat. 1:386).
    seed : int

    Returns
    -------
    list of Exceedance
        `pass`: the whole interval lies under 1 / t. `within its interval`: the bound lies inside. `fail`: the whole
        interval lies above. `inconclusive`: fewer than 10 pairs are allowed to exceed t, or less than half of
        the reads could reach t with any candidate.
    """
    valid = np.isfinite(ratios)
    donors = bootstrap_weights(ratios.shape[0], draws, seed, "risk.donors")
    candidates = bootstrap_weights(ratios.shape[1], draws, seed, "risk.candidates")
    pairs = np.einsum("bd,dc,bc->b", donors, valid.astype(np.float64), candidates, optimize=True)
    found = []
    for t in thresholds:
        hit = (np.where(valid, ratios, -np.inf) >= np.log(t)).astype(np.float64)
        hits = np.einsum("bd,dc,bc->b", donors, hit, candidates, optimize=True)
        n = int(valid.sum())
        figure = Estimate.bootstrapped(hit.sum() / max(n, 1), hits / np.maximum(pairs, 1), n)
        reachable = bool((attainable >= np.log(t)).mean() >= 0.5)
        found.append(Exceedance(float(t), figure, ratios.shape[0], _result(figure, t, reachable)))
    return found


def _result(figure: Estimate, t: float, reachable: bool) -> str:
    if (
        figure.value is None
        or figure.low is None
        or figure.high is None
        or figure.n < 10 * t
        or not reachable
    ):
        return INCONCLUSIVE
    if figure.low > 1 / t:
        return FAIL
    return PASS if figure.high <= 1 / t else WITHIN
