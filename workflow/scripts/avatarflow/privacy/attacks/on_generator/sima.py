"""SimA: the noise seen in a picture without any points to the mean of the training pictures around it; one query.

References
----------
Rao, Qu and Moyer 2025, Score-based membership inference on diffusion models (arXiv 2509.25003). The picture is scaled
as a noisy one would be, so that the norm is that of the step to the local mean.
"""

import torch

from avatarflow.core.arrays import Floats, Integers
from avatarflow.generators.diffusion.denoiser import Denoiser

MEANING = "norm of the noise that the generator sees in the picture itself (SimA)"
TIME = 200
QUERIES = 1


def score(
    denoiser: Denoiser, latents: torch.Tensor, ids: torch.Tensor, items: Integers, seed: int
) -> Floats:
    """Minus the root mean square of the noise seen at `TIME` in the picture to which no noise was added."""
    del items, seed
    signal, _ = denoiser.signal(TIME)
    values: Floats = (
        denoiser.predict_noise(signal * latents, TIME, ids)
        .double()
        .square()
        .mean((1, 2, 3))
        .sqrt()
        .numpy()
    )
    return -values
