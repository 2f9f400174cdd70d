"""Noise that belongs to a picture, whatever else is attacked with it."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from avatarflow.core import seeds
from avatarflow.core.arrays import Floats, Integers


def noise_of(shape: Sequence[int], items: Integers, seed: int, draw: int) -> torch.Tensor:
    """Standard normal noise (n, *shape) for each picture, by its item number."""
    drawn = [
        seeds.generator(seed, "attack noise", int(item), draw).standard_normal(tuple(shape))
        for item in items
    ]
    return torch.from_numpy(np.stack(drawn).astype(np.float32))


def mean_over_noise(
    score: Callable[[torch.Tensor], torch.Tensor], values: int, items: Integers, seed: int, draws: Sequence[int]
) -> Floats:  # fmt: skip
    """Mean (n,) of what pictures score (n,) with noise (n, values) of several numbers."""
    total = torch.zeros(len(items), dtype=torch.float64)
    for draw in draws:
        total += score(noise_of((values,), items, seed, draw))
    found: Floats = (total / len(draws)).numpy()
    return found
