"""What attacks ask of a generator that predicts no clean pictures: its likelihood, or its discriminator."""

import math
from typing import NamedTuple, Protocol

import torch

from avatarflow.core.arrays import Pictures

from .settings import Compute


class Terms(NamedTuple):
    """Two parts of a bound at hidden values z drawn from q(z | x), (n,) float64 each, in nats.

    Attributes
    ----------
    reconstruction : log p(x | z)
    prior : log p(z) - log q(z | x)
    """

    reconstruction: torch.Tensor
    prior: torch.Tensor


class Opened(Protocol):
    """A generator's folder, opened to be asked about pictures.

    Attributes
    ----------
    compute : Compute
    values : int
        Noise values per picture that an answer takes.
    queries : int
        Passes of the network so far, counted per picture of a batch.
    """

    compute: Compute
    values: int
    queries: int

    def latents(self, pictures: Pictures) -> torch.Tensor:
        """(n, channels, cells, cells) what the generator works on in place of the pictures."""


class Likelihood(Opened, Protocol):
    """One that says how likely it finds pictures: the terms of its evidence lower bound."""

    def terms(self, latents: torch.Tensor, ids: torch.Tensor, noise: torch.Tensor) -> Terms:
        """Terms at hidden values drawn with noise (n, values); one query."""


class Discriminator(Opened, Protocol):
    """One that says how real pictures look to the network it was trained against."""

    def judge(self, latents: torch.Tensor, ids: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """How much more real (n,) float64 pictures look than drawn ones of their classes; one query.

        Each is altered by standard normal noise (n, values) first, as in training.
        """


def bound(log_weights: torch.Tensor) -> torch.Tensor:
    """Importance-weighted bound (n,) on log p(x) from log weights (draws, n).

    With one draw it is the evidence lower bound; more draws bring it nearer to log p(x).

    References
    ----------
    Burda et al. 2016, Importance weighted autoencoders (arXiv 1509.00519), equation 8.
    """
    return torch.logsumexp(log_weights, 0) - math.log(len(log_weights))
