"""Agreement between readers: Krippendorff's alpha, which takes missing answers and any scale."""

import numpy as np

from avatarflow.core import seeds
from avatarflow.core.arrays import Floats
from avatarflow.core.statistics import Estimate

DRAWS = 1000
NOMINAL, INTERVAL = "nominal", "interval"


def alpha(table: Floats, scale: str = NOMINAL, weights: Floats | None = None) -> float:
    """Return Krippendorff's alpha: 1 is perfect agreement, 0 that of chance.

    Parameters
    ----------
    table : (readers, questions) float
        Values; NaN where there is no answer.
    scale : {'nominal', 'interval'}
        How far two values are apart: 0 or 1, or the square of their difference.
    weights : (questions,) float, optional
        How often each question counts.

    Returns
    -------
    float
        NaN where fewer than two readers answered any question, or all answers are equal.

    References
    ----------
    Krippendorff 2011, Computing Krippendorff's Alpha-Reliability.
    """
    values = np.unique(table[np.isfinite(table)])
    # (questions, values): how many readers said so
    counts = (table[:, :, None] == values).sum(axis=0).astype(float)
    totals = counts.sum(axis=1)
    counts, totals = counts[totals > 1], totals[totals > 1]
    if not len(counts):
        return float("nan")
    times = np.ones(len(table.T)) if weights is None else weights
    times = times[np.isfinite(table).sum(axis=0) > 1]
    difference = values[:, None] - values[None, :]
    distance = (difference != 0).astype(float) if scale == NOMINAL else difference**2
    coincidences = np.einsum("q,qv,qw->vw", times / (totals - 1), counts, counts)
    coincidences -= np.diag((times / (totals - 1)) @ counts)  # nobody agrees with themselves
    margins = coincidences.sum(axis=1)
    n = margins.sum()
    if n <= 1:
        return float("nan")
    observed = (coincidences * distance).sum() / n
    expected = (np.outer(margins, margins) * distance).sum() / (n * (n - 1))
    return float(1 - observed / expected) if expected > 0 else float("nan")


def agreement(table: Floats, scale: str, seed: int) -> Estimate:
    """Return alpha with a bootstrap interval over questions; `n` counts these."""
    questions = table.shape[1]
    drawn = seeds.generator(seed, f"agreement {scale}").multinomial(
        questions, np.full(questions, 1 / questions), DRAWS
    )
    spread = np.array([alpha(table, scale, weights.astype(float)) for weights in drawn])
    return Estimate.bootstrapped(alpha(table, scale), spread, questions)
