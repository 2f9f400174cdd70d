"""SecMI: walked into noise without chance and one step back, a member comes back nearer to where it was; 11 queries.

References
----------
Duan et al. 2023, Are diffusion models vulnerable to membership inference attacks? (arXiv 2302.01316), equations 8 to 10
(t-error), thresholded as SecMI-stat.
"""

import torch

from avatarflow.core.arrays import Floats, Integers
from avatarflow.generators.diffusion.denoiser import Denoiser

MEANING = "error of one deterministic step into noise and back (SecMI)"
START = 20  # at 0 the noise of a network that predicts clean pictures is an error divided by nearly nothing
STRIDE = 10
STEPS = 10
QUERIES = STEPS + 1


def score(
    denoiser: Denoiser, latents: torch.Tensor, ids: torch.Tensor, items: Integers, seed: int
) -> Floats:
    """Minus the t-error where the walk ends: ten steps in, one step back."""
    del items, seed
    here = denoiser.signal(START)[0] * latents
    before = here
    end = START + STEPS * STRIDE
    for time in range(START, end, STRIDE):
        before, here = here, walk(denoiser, here, time, time + STRIDE, ids)
    back = walk(denoiser, here, end, end - STRIDE, ids)
    values: Floats = (back - before).double().square().mean((1, 2, 3)).numpy()
    return -values


def walk(
    denoiser: Denoiser, noisy: torch.Tensor, start: int, end: int, ids: torch.Tensor
) -> torch.Tensor:
    """One deterministic (DDIM) step between two times; one query."""
    clean = denoiser.predict(noisy, start, ids)
    signal, spread = denoiser.signal(start)
    noise = (noisy - signal * clean) / spread
    signal, spread = denoiser.signal(end)
    return signal * clean + spread * noise
