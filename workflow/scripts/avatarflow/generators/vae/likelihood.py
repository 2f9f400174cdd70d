"""How likely a generator finds pictures, as somebody sees it who holds it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from avatarflow.core.arrays import Pictures
from avatarflow.generators import codec as codecs
from avatarflow.generators.attacked import Terms
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.device import device, rounding
from avatarflow.generators.settings import Compute

from .files import load
from .network import ConditionalVae
from .objective import log_normal
from .prior import Prior


class Likelihood:
    """A generator's folder, opened: see `generators.attacked.Likelihood`.

    Raises
    ------
    AvatarflowError
        If there is no such generator, or it knows other conditions.
    """

    def __init__(
        self, folder: str | Path, conditions: Conditions, compute: Mapping[str, Any] | Compute
    ) -> None:
        self.compute = Compute.of(compute)
        self.where = device(self.compute)
        self.parts = load(folder).to(self.where)
        conditions.refuse_others(self.parts.labels, attacked=True)
        self.parts.network.eval()
        self.values, self.queries = self.parts.network.values, 0

    def latents(self, pictures: Pictures) -> torch.Tensor:
        """(n, channels, cells, cells) what the generator works on in place of the pictures."""
        return codecs.encode_all(self.parts.codec, pictures, self.where)

    def terms(self, latents: torch.Tensor, ids: torch.Tensor, noise: torch.Tensor) -> Terms:
        """Terms of the bound at hidden values drawn with noise (n, values); one query."""
        self.queries += 1
        here = (each.to(self.where) for each in (latents, ids, noise))
        with rounding(self.compute, self.where):
            found: Terms = terms(self.parts.network, self.parts.prior, *here)
        return found


@torch.no_grad()  # type: ignore[untyped-decorator]
def terms(
    network: ConditionalVae,
    prior: Prior,
    latents: torch.Tensor,
    ids: torch.Tensor,
    noise: torch.Tensor,
) -> Terms:
    """Return log p(x | z), and log p(z) - log q(z | x), at z drawn from the encoder with the given noise."""
    passed = network(latents, ids, noise)
    hidden = passed.mean + torch.exp(0.5 * passed.log_variance) * noise
    reconstruction = log_normal(
        latents.double(), passed.decoded.double(), passed.log_noise.double()
    )
    drawn = log_normal(hidden.double(), passed.mean.double(), passed.log_variance.double())
    apart = prior.log_density(hidden, ids) - drawn
    return Terms(reconstruction.cpu(), apart.cpu())
