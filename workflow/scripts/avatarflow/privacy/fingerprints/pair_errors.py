"""Telling pairs of one eye from pairs of two persons by one number: how often that goes wrong. numpy only."""

import numpy as np

from avatarflow.core.arrays import Floats


def auc(genuine: Floats, impostors: Floats) -> float:
    """Chance that a genuine pair is nearer than an impostor one, ties half; `impostors` ascending."""
    below, upto = np.searchsorted(impostors, genuine), np.searchsorted(impostors, genuine, "right")
    return float(1 - (below + upto).mean() / (2 * len(impostors)))


def eer(genuine: Floats, impostors: Floats) -> float:
    """Error rate at the distance where both errors are nearest to equal; `impostors` ascending."""
    thresholds = np.sort(genuine)
    missed = 1 - np.arange(1, len(thresholds) + 1) / len(thresholds)
    wrong = np.searchsorted(impostors, thresholds, "right") / len(impostors)
    best = int(np.abs(missed - wrong).argmin())
    return float((missed[best] + wrong[best]) / 2)
