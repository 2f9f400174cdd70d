"""Two judgements of the same candidates: their table, and Cohen's kappa. numpy and scipy only."""

from typing import Any

import numpy as np
import numpy.typing as npt

from avatarflow.core import seeds
from avatarflow.core.statistics import clopper_pearson

Counts = npt.NDArray[np.int64]

RESAMPLES = 2000


def counted(rejected: npt.NDArray[np.bool_], matched: npt.NDArray[np.bool_]) -> Counts:
    """(2, 2) counts: rows are accepted and rejected by the cone, columns not matched and matched."""
    return np.bincount(2 * rejected + matched, minlength=4).reshape(2, 2).astype(np.int64)


def kappa(counts: npt.NDArray[Any]) -> float:
    """Agreement beyond chance of the two judgements in a (2, 2) table; NaN where one of them never varies.

    References
    ----------
    Cohen 1960, A coefficient of agreement for nominal scales.
    """
    total = counts.sum()
    if not total:
        return float("nan")
    seen = np.trace(counts) / total
    chance = float((counts.sum(0) * counts.sum(1)).sum() / total**2)
    varies = all((counts.sum(axis) > 0).all() for axis in (0, 1))
    return float((seen - chance) / (1 - chance)) if varies else float("nan")


def agreement(counts: Counts, seed: int) -> dict[str, Any]:
    """Return the table and what follows from it, as plain values; what cannot be said is None.

    Returns
    -------
    dict
        `table`; `kappa` with its bootstrap interval over candidates; `matched_among_accepted`, of the candidates that
        the cone accepts the share that the matcher takes for an original, with the exact interval over candidates.
    """
    n, low, high = int(counts.sum()), None, None
    value = kappa(counts)
    if np.isfinite(value):
        drawn = (
            seeds.generator(seed, "kappa")
            .multinomial(n, counts.ravel() / n, RESAMPLES)
            .reshape(-1, 2, 2)
        )
        low, high = (
            float(end) for end in np.nanquantile([kappa(each) for each in drawn], [0.025, 0.975])
        )
    accepted, both = int(counts[0].sum()), int(counts[0, 1])
    least, most = clopper_pearson(both, accepted)
    return {
        "table": {
            "accepted, not matched": int(counts[0, 0]),
            "accepted, matched": both,
            "rejected, not matched": int(counts[1, 0]),
            "rejected, matched": int(counts[1, 1]),
        },
        "kappa": {"value": value if np.isfinite(value) else None, "low": low, "high": high, "n": n},
        "matched_among_accepted": {
            "value": both / accepted if accepted else None, "low": least, "high": most, "n": accepted,
        },
    }  # fmt: skip
