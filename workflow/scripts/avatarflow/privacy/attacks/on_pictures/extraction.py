"""Extraction: generate many pictures, keep those that a generator repeats, and find whom they show.

A memorised original comes out again and again, so the pictures with the nearest fellows are kept; a kept picture is
extracted where it lies much nearer to an original than originals commonly do.

References
----------
Carlini et al. 2023, Extracting training data from diffusion models (arXiv 2301.13188), sections 4.1 (generate and
filter) and 5.1 (the ratio to the mean distance of the 50 nearest).
"""

import numpy as np

from avatarflow.core.arrays import Floats, Integers, Rows
from avatarflow.core.errors import refuse
from avatarflow.privacy.attacks.interface import Scores
from avatarflow.privacy.search.neighbours import blocks, nearest

from .knowledge import Knowledge

MEANING = "Carlini's ratio of the nearest of the most repeated generated pictures"

FELLOWS = 2  # copies of a picture beside itself that make it a repeated one
KEPT = 0.25  # share of generated pictures that the filter keeps
NEIGHBOURS = 50
BLOCK = 256


def score(knowledge: Knowledge) -> Scores:
    """Minus the smallest ratio of a kept picture to a known one: their angle over the mean of its 50 nearest known."""
    kept = knowledge.released[repeated(knowledge.released)]
    near = nearest(kept, knowledge.known, NEIGHBOURS)[0].mean(1)
    known, made = knowledge.known.astype(np.float64), kept.astype(np.float64)
    best = np.full(len(known), np.inf)
    for rows in blocks(len(made), BLOCK):
        angles = np.arccos(np.clip(known @ made[rows].T, -1, 1))
        best = np.minimum(best, (angles / near[rows]).min(1))
    return Scores(-best, knowledge.member, knowledge.persons)


def repeated(generated: Rows) -> Integers:
    """Rows of the pictures with the nearest fellows, most repeated first.

    Raises
    ------
    AvatarflowError
        If there are too few pictures to speak of repetition.
    """
    if len(generated) <= FELLOWS + 1:
        raise refuse("extraction attack", f"{len(generated)} generated pictures", "generate more")
    angles: Floats = nearest(generated, generated, FELLOWS + 1)[0][
        :, FELLOWS
    ]  # the first is the picture itself
    count = max(1, int(np.ceil(KEPT * len(generated))))
    return np.argsort(angles, kind="stable")[:count]
