"""How often pictures are called synthetic: per guidance scale, over readers and pictures, and in the course of time."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from avatarflow.core.arrays import Floats
from avatarflow.core.statistics import LEVEL, Estimate

from ..choose import SYNTHETIC
from .answers import REAL_GROUP, SAID, table_of, two_way_draws, two_way_mean, weighted_mean
from .mixed_model import Answers, Fit, fit
from .power import mean_rate


def called_synthetic(origin: pd.DataFrame) -> dict[str, Estimate]:
    """Return the share of each group's pictures that readers call synthetic, by a mixed model.

    Synthetic and real pictures have a model each: a reader who is quick to say "synthetic" is so for both, but how well
    somebody tells them apart differs. A rate is that of all such readers and pictures, and not of a typical one. The
    interval takes the t distribution with as many degrees of freedom as readers less one.

    Parameters
    ----------
    origin : DataFrame
        Answers of part two: `reader`, `question`, `group`, `origin`, `said_origin`.
    """
    is_real = origin["group"] == REAL_GROUP
    rates: dict[str, Estimate] = {}
    for answers in (origin[~is_real], origin[is_real]):
        if len(answers) and answers["reader"].nunique() > 1:
            groups, numbers = np.unique(answers["group"], return_inverse=True)
            rates |= _rates(
                _fitted(answers, np.eye(len(groups))[numbers], answers[SAID] == SYNTHETIC),
                groups,
                answers,
            )
    return rates


def _fitted(answers: pd.DataFrame, design: Floats, said: "pd.Series[Any]") -> Fit:
    _, readers = np.unique(answers["reader"], return_inverse=True)
    _, pictures = np.unique(answers["question"], return_inverse=True)
    return fit(Answers(said.to_numpy(float), design, readers, pictures))


def _rates(model: Fit, groups: Any, answers: pd.DataFrame) -> dict[str, Estimate]:
    quantile = stats.t.ppf((1 + LEVEL) / 2, answers["reader"].nunique() - 1)
    sd = float(np.hypot(model.reader_sd, model.picture_sd))
    errors = quantile * np.sqrt(np.diag(model.covariance))
    counts = answers["group"].value_counts()
    rates = {}
    for group, effect, error in zip(groups, model.effects, errors, strict=True):
        value, low, high = (mean_rate(float(effect + shift), sd) for shift in (0, -error, error))
        rates[str(group)] = Estimate(value, low, high, int(counts[group]))
    return rates


def told_apart(origin: pd.DataFrame, seed: int) -> dict[str, Estimate]:
    """Return each scale's balanced accuracy: of synthetic pictures called so, and real ones called real.

    One half is guessing, whatever a reader's leaning. The interval draws readers and pictures again, the same readers
    for both shares.
    """
    real = origin[origin["group"] == REAL_GROUP]
    result: dict[str, Estimate] = {}
    for group, part in origin[origin["group"] != REAL_GROUP].groupby("group"):
        both = pd.concat([part, real])
        right = table_of(both, both[SAID] == both["origin"])
        is_real = (both.groupby("question")["group"].first() == REAL_GROUP).to_numpy()
        if not is_real.any():
            continue
        spread = np.array(
            [
                (weighted_mean(right, r, p * is_real) + weighted_mean(right, r, p * ~is_real)) / 2
                for r, p in two_way_draws(right.shape, seed, f"told apart {group}")
            ]
        )
        value = (np.nanmean(right[:, is_real]) + np.nanmean(right[:, ~is_real])) / 2
        result[str(group)] = Estimate.bootstrapped(
            float(value), spread, int(np.isfinite(right).sum())
        )
    return result


def raw_rates(origin: pd.DataFrame, seed: int) -> dict[str, Estimate]:
    """Return the plain shares called synthetic with two-way bootstrap intervals, to hold against the model."""
    return {
        str(group): two_way_mean(table_of(part, part[SAID] == SYNTHETIC), seed, f"raw {group}")
        for group, part in origin.groupby("group")
    }


def learning(origin: pd.DataFrame) -> Estimate | None:
    """Return the change of the logit of a right answer from a reader's first to the last question of the part.

    Above 0: readers get better. It is a fixed effect beside those of the groups, in one model.
    """
    if origin["reader"].nunique() < 2:
        return None
    groups, numbers = np.unique(origin["group"], return_inverse=True)
    place = origin.groupby("reader")["position"].rank() - 1
    last = place.groupby(origin["reader"]).transform("max").clip(lower=1)
    design = np.column_stack([np.eye(len(groups))[numbers], place / last - 0.5])
    model = _fitted(origin, design, origin[SAID] == origin["origin"])
    quantile = stats.t.ppf((1 + LEVEL) / 2, origin["reader"].nunique() - 1)
    slope, error = float(model.effects[-1]), float(quantile * np.sqrt(model.covariance[-1, -1]))
    return Estimate(slope, slope - error, slope + error, len(origin))
