"""What a family with a likelihood tells of pictures: the terms of its evidence lower bound."""

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


class Likelihood(Protocol):
    """A generator's folder, opened to be asked for the likelihood of pictures.

    Attributes
    ----------
    compute : Compute
    values : int
        Hidden values per picture.
    queries : int
        Passes of the network so far, counted per picture of a batch.
    """

    compute: Compute
    values: int
    queries: int

    def latents(self, pictures: Pictures) -> torch.Tensor:
        """(n, channels, cells, cells) what the generator works on in place of the pictures."""

    def terms(self, latents: torch.Tensor, ids: torch.Tensor, noise: torch.Tensor) -> Terms:
        """Terms at hidden values drawn with noise (n, values); one query."""


def bound(log_weights: torch.Tensor) -> torch.Tensor:
    """Importance-weighted bound (n,) on log p(x) from log weights (draws, n).

    With one draw it is the evidence lower bound; more draws bring it nearer to log p(x).

    References
    ----------
    Burda et al. 2016, Importance weighted autoencoders (arXiv 1509.00519), equation 8.
    """
    return torch.logsumexp(log_weights, 0) - math.log(len(log_weights))
