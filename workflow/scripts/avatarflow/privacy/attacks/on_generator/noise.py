"""Noise that belongs to a picture, whatever else is attacked with it."""

from collections.abc import Sequence

import numpy as np
import torch

from avatarflow.core import seeds
from avatarflow.core.arrays import Integers


def noise_of(shape: Sequence[int], items: Integers, seed: int, draw: int) -> torch.Tensor:
    """Standard normal noise (n, *shape) for each picture, by its item number."""
    drawn = [
        seeds.generator(seed, "attack noise", int(item), draw).standard_normal(tuple(shape))
        for item in items
    ]
    return torch.from_numpy(np.stack(drawn).astype(np.float32))
