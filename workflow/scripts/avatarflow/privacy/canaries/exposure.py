"""Exposure of canaries: how far up an attack ranks a trained one among those that were never trained on.

References
----------
Carlini et al. 2019, The Secret Sharer (arXiv 1802.08232), definition 7 (exposure is log2 of the number of candidates
minus log2 of the rank) with the candidates sampled: the canary itself and the untrained ones of its population.
"""

from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.statistics import bootstrap


def exposures(scores: Floats, copies: Integers) -> Floats:
    """(n,) bits: log2 of the candidates minus log2 of the rank, 1 being the highest score.

    A trained canary's candidates are itself and all untrained ones; an untrained one's are the untrained ones. Of equal
    scores each has the mean of their ranks, so that an attack that says nothing exposes nothing.

    Parameters
    ----------
    scores : (n,)
        Higher: more like a picture that was trained on.
    copies : (n,)
        How often each canary was trained on.
    """
    untrained = scores[copies == 0]
    out = np.empty(len(scores))
    for place, (score, trained) in enumerate(zip(scores, copies > 0, strict=True)):
        equal = int((untrained == score).sum()) + (1 if trained else 0)  # itself among them
        rank = 1 + int((untrained > score).sum()) + (equal - 1) / 2
        out[place] = np.log2(len(untrained) + (1 if trained else 0)) - np.log2(rank)
    return out


def by_chance(candidates: int) -> float:
    """Mean exposure where all ranks of so many candidates are equally likely, in bits."""
    return float(np.log2(candidates) - np.log2(np.arange(1, candidates + 1)).mean())


def curve(scores: Floats, copies: Integers, seed: int) -> list[dict[str, Any]]:
    """Mean exposure per number of copies, 0 first, with a bootstrap interval over canaries.

    Returns
    -------
    list of dict
        `copies`, `value`, `low`, `high` (bits), `n`, `chance` (what ranks at random give) and `most` (what the number
        of untrained canaries allows).
    """
    bits = exposures(scores, copies)
    untrained = int((copies == 0).sum())
    found = []
    for count in np.unique(copies):
        values = bits[copies == count]
        low, high = bootstrap(lambda rows, v=values: float(v[rows].mean()), len(values), seed)  # type: ignore[misc]
        candidates = untrained + (1 if count else 0)
        found.append({
            "copies": int(count), "value": float(values.mean()), "low": low, "high": high, "n": len(values),
            "chance": by_chance(candidates), "most": float(np.log2(candidates)),
        })  # fmt: skip
    return found
