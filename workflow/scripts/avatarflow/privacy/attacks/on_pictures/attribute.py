"""Attribute inference: the labels of the nearest released picture say more of a member than of a non-member.

What the population tells about everyone is no leak, so members are held against held-out persons.

References
----------
Giomi et al. 2023 (anonymeter), section 5.3, with held-out persons as its control.
"""

import numpy as np

from avatarflow.core.errors import refuse
from avatarflow.privacy.attacks.interface import Scores
from avatarflow.privacy.search.neighbours import nearest

from .knowledge import Knowledge

MEANING = (
    "share of correct predictions of a known picture's labels from the nearest released picture"
)


def score(knowledge: Knowledge) -> Scores:
    """Share of the label columns that the nearest released picture predicts correctly; missing labels are not asked.

    Raises
    ------
    AvatarflowError
        If no known picture, or no released one, has a label.
    """
    asked = knowledge.labels >= 0
    told = (knowledge.released_labels >= 0).any(0)
    if asked.any() and not told.any():
        raise refuse(
            "attribute attack",
            "no released picture has a label",
            "give the released pictures' labels too",
        )
    asked = asked & told  # a column that no released picture has answers nothing
    rows = asked.any(1) if asked.size else np.zeros(len(knowledge.known), bool)
    if not rows.any():
        raise refuse(
            "attribute attack", "no known picture has a label", "name conditions, or leave it out"
        )
    _, index = nearest(knowledge.known[rows], knowledge.released, 1)
    right = (knowledge.released_labels[index[:, 0]] == knowledge.labels[rows]) & asked[rows]
    return Scores(
        right.sum(1) / asked[rows].sum(1),
        knowledge.member[rows],
        knowledge.persons[rows],
        predictions=True,
    )
