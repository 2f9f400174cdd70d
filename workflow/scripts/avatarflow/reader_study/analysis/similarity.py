"""How alike readers find pairs, and whether the cone's risk says the same."""

import numpy as np
import pandas as pd
from scipy import stats

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.statistics import Estimate

from .answers import table_of, two_way_draws, two_way_mean

LEAST_PAIRS = 5


def means_by_sort(similarity: pd.DataFrame, seed: int) -> dict[str, Estimate]:
    """Return the mean similarity, 1 to 5, of each sort of pairs."""
    return {
        str(sort): two_way_mean(table_of(part, part["similarity"]), seed, f"similarity {sort}")
        for sort, part in similarity.groupby("sort")
    }


def correlation_with_risk(similarity: pd.DataFrame, seed: int) -> Estimate:
    """Return Spearman's correlation of a nearest pair's mean similarity with its risk.

    The risk is small where a synthetic picture is near an original, so a risk that people can follow gives a negative
    correlation. The interval draws readers and pairs again. `n` counts pairs.
    """
    nearest = similarity[(similarity["sort"] == "nearest") & similarity["risk"].notna()]
    risk = nearest.groupby("question")["risk"].first().to_numpy(float)
    if len(risk) < LEAST_PAIRS:
        return Estimate.missing(len(risk))
    table = table_of(nearest, nearest["similarity"])
    ones = np.ones(table.shape[0])
    every = np.arange(table.shape[1])
    spread = [
        _spearman(table, readers, np.repeat(every, pairs.astype(int)), risk)
        for readers, pairs in two_way_draws(table.shape, seed, "risk and similarity")
    ]
    return Estimate.bootstrapped(_spearman(table, ones, every, risk), np.array(spread), len(risk))


def _spearman(table: Floats, readers: Floats, pairs: Integers, risk: Floats) -> float:
    known = np.isfinite(table)
    total = readers @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (readers @ np.where(known, table, 0)) / total
    means, risks = means[pairs], risk[pairs]
    means, risks = means[np.isfinite(means)], risks[np.isfinite(means)]
    if len(np.unique(means)) < 2 or len(np.unique(risks)) < 2:
        return float("nan")
    return float(stats.spearmanr(means, risks)[0])
