"""Likelihood threshold: a generator with a likelihood finds pictures likelier that it was trained on.

References
----------
Yeom et al. 2018 (arXiv 1709.01604), section 3.2, with minus the log likelihood as loss; the bound is that of Burda et
al. 2016 (arXiv 1509.00519), equation 8.
"""

import torch

from avatarflow.core.arrays import Floats, Integers
from avatarflow.generators.attacked import Likelihood, bound

from .noise import noise_of

MEANING = "how likely the generator finds the picture, by an importance-weighted bound"
DRAWS = 8
QUERIES = DRAWS


def score(
    generator: Likelihood, latents: torch.Tensor, ids: torch.Tensor, items: Integers, seed: int
) -> Floats:
    """Bound on the log likelihood in nats. Noise belongs to the picture, so batches change nothing."""
    weights = []
    for draw in range(DRAWS):
        noise = noise_of((generator.values,), items, seed, draw)
        terms = generator.terms(latents, ids, noise)
        weights.append(terms.reconstruction + terms.prior)
    values: Floats = bound(torch.stack(weights)).numpy()
    return values
