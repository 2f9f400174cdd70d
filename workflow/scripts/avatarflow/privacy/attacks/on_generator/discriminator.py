"""Discriminator score: a discriminator finds pictures more real that it was trained on.

References
----------
Hayes et al. 2019, LOGAN: Membership inference attacks against generative models (PoPETs 2019/1), section 3.3: the
attack that holds the discriminator. The score is the mean over several alterations, as in training, less that of drawn
pictures of the class, since a relativistic discriminator tells no more than a difference.
"""

import torch

from avatarflow.core.arrays import Floats, Integers
from avatarflow.generators.attacked import Discriminator

from .noise import mean_over_noise

MEANING = "how real the discriminator finds the picture that the generator was trained against"
DRAWS = 8
QUERIES = DRAWS


def score(
    generator: Discriminator, latents: torch.Tensor, ids: torch.Tensor, items: Integers, seed: int
) -> Floats:
    """Mean score of the discriminator above that of drawn pictures.

    Noise belongs to the picture, so batches change nothing.
    """
    return mean_over_noise(
        lambda noise: generator.judge(latents, ids, noise),
        generator.values,
        items,
        seed,
        range(DRAWS),
    )
