"""Authenticity: a candidate should not be nearer to an original than the other originals are."""

from avatarflow.core.arrays import Floats

from .neighbourhood import Candidates, Originals, over

PUBLISHED = 1.0


def score(candidates: Candidates, originals: Originals) -> Floats:
    """Angle to the nearest original over that original's angle to its nearest original of another person.

    References
    ----------
    Alaa et al. 2022, How faithful is your synthetic data? (ICML), section 4.3; there a picture at most at 1 is no
    authentic one.
    """
    return over(candidates.angles_rad[:, 0], originals.nearest_other_rad[candidates.nearest[:, 0]])


def published(originals: Originals) -> float:
    """Return the threshold of the paper."""
    del originals
    return PUBLISHED
