"""Nearest neighbour distance ratio: how much nearer the nearest original is than the next."""

import numpy as np

from avatarflow.core.arrays import Floats

from .neighbourhood import Candidates, Originals, over


def score(candidates: Candidates, originals: Originals) -> Floats:
    """Angle to the nearest original over the angle to the nearest original of another person.

    The published rule takes the second nearest row; with several photographs of one person that ratio is near 1 for
    every copy, so the rule is given the persons.

    References
    ----------
    Lowe 2004, Distinctive image features, section 7.1; as "NNDR" in Zhao et al. 2021, CTAB-GAN, section 4.3.
    """
    whose = originals.persons[candidates.nearest]
    other = (whose != whose[:, :1]).argmax(1)[:, None]
    return over(
        candidates.angles_rad[:, 0], np.take_along_axis(candidates.angles_rad, other, 1)[:, 0]
    )
