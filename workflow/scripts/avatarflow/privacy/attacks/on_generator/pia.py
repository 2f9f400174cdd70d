"""PIA: noise seen at the start is put on the picture, and members see it again; two queries.

References
----------
Kong et al. 2023, An efficient membership inference attack for the diffusion model by proximal initialization
(arXiv 2305.18355), equations 12 (PIA) and 14 (PIAN: the noise is brought to the mean size of normal noise).
"""

import math

import torch

from avatarflow.core.arrays import Floats, Integers
from avatarflow.generators.diffusion.denoiser import Denoiser

MEANING = "whether the noise seen at the start is seen again when it is put on the picture (PIA, normalised)"
TIME = 50
NORM = 4
QUERIES = 2


def score(
    denoiser: Denoiser, latents: torch.Tensor, ids: torch.Tensor, items: Integers, seed: int
) -> Floats:
    """Minus the 4-norm of the difference between the noise put on at `TIME` and the noise seen there."""
    del items, seed
    signal, _ = denoiser.signal(0)
    first = denoiser.predict_noise(signal * latents, 0, ids).double()
    size = first.abs().mean((1, 2, 3), keepdim=True).clamp_min(1e-12)
    first = first / size * math.sqrt(2 / math.pi)  # mean absolute value of a standard normal
    signal, spread = denoiser.signal(TIME)
    again = denoiser.predict_noise((signal * latents + spread * first).float(), TIME, ids).double()
    values: Floats = (first - again).abs().pow(NORM).sum((1, 2, 3)).pow(1 / NORM).numpy()
    return -values
