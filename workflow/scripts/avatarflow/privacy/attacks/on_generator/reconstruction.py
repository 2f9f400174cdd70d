"""Reconstruction: an autoencoder gives back pictures better that it was trained on.

References
----------
Hilprecht et al. 2019, Monte Carlo and reconstruction membership inference attacks against generative models (PoPETs
2019/4), section 4.3: the mean loss of several reconstructions.
"""

import torch

from avatarflow.core.arrays import Floats, Integers
from avatarflow.generators.attacked import Likelihood

from .noise import mean_over_noise

MEANING = "how well the generator gives the picture back from its hidden values"
DRAWS = 8
QUERIES = DRAWS


def score(
    generator: Likelihood, latents: torch.Tensor, ids: torch.Tensor, items: Integers, seed: int
) -> Floats:
    """Mean log likelihood of the picture given hidden values that the encoder draws, in nats."""
    return mean_over_noise(
        lambda noise: generator.terms(latents, ids, noise).reconstruction,
        generator.values, items, seed, range(DRAWS, 2 * DRAWS),
    )  # fmt: skip
