"""Nearest-synthetic membership: a member has a released picture nearer to it than a non-member has.

References
----------
Chen et al. 2020, GAN-Leaks, section 4.1 (full black-box attack).
"""

from avatarflow.privacy.attacks.interface import Scores
from avatarflow.privacy.search.neighbours import nearest

from .knowledge import Knowledge

MEANING = "angle from a known picture to the nearest released one"


def score(knowledge: Knowledge) -> Scores:
    """Minus the angle to the nearest released picture."""
    angles, _ = nearest(knowledge.known, knowledge.released, 1)
    return Scores(-angles[:, 0], knowledge.member, knowledge.persons)
