"""A blend: two originals laid over each other; the strength is the share of the second."""

import numpy as np

from avatarflow.core.arrays import Pictures
from avatarflow.generators.diffusion.denoiser import Denoiser

from .subjects import Subjects

MEANING = "two originals laid over each other, the strength is the share of the second"


def make(generator: Denoiser, subjects: Subjects, strength: float, seed: int) -> Pictures:
    """Blends (n, size, size, 3); the generator is not asked."""
    del generator, seed
    mixed = (1 - strength) * subjects.pictures.astype(np.float64) + strength * subjects.others
    return mixed.round().astype(np.uint8)
