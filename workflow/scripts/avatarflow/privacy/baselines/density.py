"""Density ratio of k nearest neighbours: how near, for how densely originals lie there."""

from avatarflow.core.arrays import Floats

from .neighbourhood import Candidates, Originals, over


def score(candidates: Candidates, originals: Originals) -> Floats:
    """Angle to the nearest original over that original's mean angle to its k nearest originals of other persons.

    The cone with beta = 0 and the nearest original only; k is that of the cone.

    References
    ----------
    The reachability ratio behind Breunig et al. 2000, LOF, without its smoothing.
    """
    return over(candidates.angles_rad[:, 0], originals.sparsity_rad[candidates.nearest[:, 0]])
