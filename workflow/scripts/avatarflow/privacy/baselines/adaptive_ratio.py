"""Carlini's adaptive ratio: distance to the nearest original against the candidate's own neighbourhood."""

from avatarflow.core.arrays import Floats

from .neighbourhood import NEAREST, Candidates, Originals, over

ALPHA = 0.5


def score(candidates: Candidates, originals: Originals) -> Floats:
    """Angle to the nearest original over half the mean angle to the 50 nearest.

    References
    ----------
    Carlini et al. 2023, Extracting training data from diffusion models, section 5.1 (n = 50, alpha = 0.5).
    """
    del originals
    return over(candidates.angles_rad[:, 0], ALPHA * candidates.angles_rad[:, :NEAREST].mean(1))
