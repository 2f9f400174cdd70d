"""What a family with a discriminator tells of pictures: how real they look to the network it was trained against."""

from typing import Protocol

import torch

from avatarflow.core.arrays import Pictures

from .settings import Compute


class Discriminator(Protocol):
    """A generator's folder, opened to ask its discriminator.

    Attributes
    ----------
    compute : Compute
    values : int
        Noise values per picture, which alter it as in training.
    queries : int
        Passes of the network so far, counted per picture of a batch.
    """

    compute: Compute
    values: int
    queries: int

    def latents(self, pictures: Pictures) -> torch.Tensor:
        """(n, channels, cells, cells) what the generator works on in place of the pictures."""

    def judge(self, latents: torch.Tensor, ids: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """How much more real (n,) float64 pictures look than drawn ones of their classes; one query.

        Each is altered by standard normal noise (n, values) first, as in training.
        """
