"""Telling pairs of one eye from pairs of two persons by one number: how often that goes wrong. numpy only."""

import numpy as np

from avatarflow.core.arrays import Floats, Integers


def auc(genuine: Floats, impostors: Floats) -> float:
    """Chance that a genuine pair is nearer than an impostor one, ties half; `impostors` ascending."""
    below, upto = np.searchsorted(impostors, genuine), np.searchsorted(impostors, genuine, "right")
    return auc_of_counts(below, upto, len(impostors))


def auc_of_counts(below: Integers, upto: Integers, impostors: int) -> float:
    """As `auc`, from how many impostor pairs are nearer than each genuine one, and how many nearer or as near."""
    return float(1 - (below + upto).mean() / (2 * impostors))


def eer(genuine: Floats, impostors: Floats) -> float:
    """Error rate at the distance where both errors are nearest to equal; `impostors` ascending."""
    return eer_of_counts(np.searchsorted(impostors, genuine, "right"), len(impostors))


def eer_of_counts(upto: Integers, impostors: int) -> float:
    """As `eer`, from how many impostor pairs are as near as each genuine one or nearer."""
    missed = 1 - np.arange(1, len(upto) + 1) / len(upto)
    wrong = (
        np.sort(upto) / impostors
    )  # a farther genuine pair has as many impostors within it, or more
    best = int(np.abs(missed - wrong).argmin())
    return float((missed[best] + wrong[best]) / 2)
