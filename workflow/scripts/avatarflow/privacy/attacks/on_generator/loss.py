"""Loss threshold: a generator is better at cleaning pictures it was trained on.

References
----------
Yeom et al. 2018 (arXiv 1709.01604), section 3.2; for diffusion models Carlini et al. 2023 (arXiv 2301.13188), section
5.2, and Matsumoto et al. 2023 (arXiv 2302.03262).
"""

import numpy as np
import torch

from avatarflow.core.arrays import Floats, Integers
from avatarflow.generators.diffusion.denoiser import Denoiser

from .noise import noise_of

MEANING = "how well the generator cleans the picture when noise is put on it"
TIMES = (50, 100, 200, 300)
DRAWS = 2
QUERIES = len(TIMES) * DRAWS


def score(
    denoiser: Denoiser, latents: torch.Tensor, ids: torch.Tensor, items: Integers, seed: int
) -> Floats:
    """Minus the mean log squared error of the cleaned latents over times and draws.

    The logarithm lets every time count alike; errors at early times would else drown those at late ones. Noise belongs
    to the picture, so batches change nothing.
    """
    total = np.zeros(len(latents))
    for place, time in enumerate(TIMES):
        signal, spread = denoiser.signal(time)
        for draw in range(DRAWS):
            noise = noise_of(latents.shape[1:], items, seed, place * DRAWS + draw)
            predicted = denoiser.predict(signal * latents + spread * noise, time, ids)
            total += np.log((predicted - latents).double().square().mean((1, 2, 3)).numpy() + 1e-12)
    return -total / QUERIES
