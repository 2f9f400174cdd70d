"""What a study of a size can find out, stated before anybody answers."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import optimize, stats

from avatarflow.core.results import clean
from avatarflow.core.statistics import LEVEL

POWER = 0.8
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
SHARES = WEIGHTS / WEIGHTS.sum()
"""Gauss-Hermite: the mean of f(x), x standard normal, is the sum of SHARES * f(NODES)."""


def expit(x: Any) -> Any:
    """Return the logistic function."""
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def mean_rate(logit: float, sd: float) -> float:
    """Return the mean rate over readers and pictures whose logits vary by `sd` around one of a typical reader."""
    return float(SHARES @ expit(logit + sd * NODES))


def standard_error(
    logit: float, readers: int, pictures: int, reader_sd: float, picture_sd: float
) -> float:
    """Return the standard error of a rate when every reader answers every picture once.

    The variance of one answer, p (1 - p), is parted into that between readers (which more pictures do not lessen),
    that between pictures (which more readers do not lessen) and the rest.

    References
    ----------
    Roe and Metz 1997, Academic Radiology 4:587, for the two-way variance of reader studies.
    """
    # (reader, picture): the chance at each pair of nodes
    chance = expit(logit + reader_sd * NODES[:, None] + picture_sd * NODES[None, :])
    of_readers, of_pictures = chance @ SHARES, SHARES @ chance
    rate = float(SHARES @ of_readers)
    between_readers = float(SHARES @ (of_readers - rate) ** 2)
    between_pictures = float(SHARES @ (of_pictures - rate) ** 2)
    rest = rate * (1 - rate) - between_readers - between_pictures
    return math.sqrt(
        between_readers / readers + between_pictures / pictures + rest / (readers * pictures)
    )


def detectable(
    readers: int, pictures: int, reader_sd: float, picture_sd: float, power: float = POWER
) -> float | None:
    """Return the smallest rate above one half that is told from one half with this power, two-sided at 5 %.

    None where even a rate of 0.999 is not.
    """
    sd = math.hypot(reader_sd, picture_sd)
    asked = float(stats.t.ppf((1 + LEVEL) / 2, readers - 1) + stats.norm.ppf(power))

    def missing(logit: float) -> float:
        error = standard_error(logit, readers, pictures, reader_sd, picture_sd)
        return mean_rate(logit, sd) - 0.5 - asked * error

    top = 15.0
    if missing(top) < 0:
        return None
    return mean_rate(float(optimize.brentq(missing, 0.0, top)), sd)


def power_statement(counts: Mapping[str, int], study: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the planned study can find out about each group of part two and one.

    Parameters
    ----------
    counts : mapping of group to number of pictures
    study : mapping
        `readers`, `reader_sd`, `picture_sd`.
    """
    assumed = {key: study[key] for key in ("readers", "reader_sd", "picture_sd")}
    readers, spread = int(study["readers"]), (study["reader_sd"], study["picture_sd"])
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, readers - 1))
    groups = {
        group: {
            "pictures": pictures,
            "half_width_at_one_half": quantile * standard_error(0.0, readers, pictures, *spread),
            "smallest_detectable_rate": detectable(readers, pictures, *spread),
        }
        for group, pictures in counts.items()
        if not group.startswith("similarity")
    }
    result: dict[str, Any] = clean({"assumed": assumed, "power": POWER, "groups": groups})
    return result
