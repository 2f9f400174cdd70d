"""Intervals that count donors and genomes, not fragments: fragments of one genome are missed together."""

from collections.abc import Sequence

import numpy as np

from avatarflow.core.seeds import generator

DRAWS = 2000


def cluster_interval(hits: Sequence[int], totals: Sequence[int], seed: int) -> tuple[float, float]:
    """95 % percentile interval of a pooled share when whole clusters are drawn again; NaN for fewer than two clusters.

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
    chosen = generator(seed, "clusters").integers(0, len(total), (DRAWS, len(total)))
    shares = hit[chosen].sum(1) / total[chosen].sum(1)
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)
