"""What training minimises: minus the evidence lower bound of a batch, in nats per value of the codec's latents.

References
----------
Kingma & Welling 2014 (arXiv 1312.6114), equation 3; Higgins et al. 2017 (beta); Kingma et al. 2016 (arXiv 1606.04934),
section 4 (free bits, here per picture, so that a batch divided among processes has the same loss); Rybkin et al. 2021
(arXiv 2006.13202; the noise is learned).
"""

import math
from collections.abc import Callable

import torch

from avatarflow.generators.conditions import Ids
from avatarflow.generators.device import rounding
from avatarflow.generators.settings import Compute, Training
from avatarflow.generators.task import TrainingTask
from avatarflow.generators.training.loop import Draw
from avatarflow.generators.training.objective import Latents, shown_ids

from .network import Passed
from .settings import Vae

Pass = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], Passed]
"""The network as a function of latents, class ids and the noise of the hidden values."""


def log_normal(
    values: torch.Tensor, mean: torch.Tensor, log_variance: torch.Tensor
) -> torch.Tensor:
    """Log density (n,) of (n, ...) under independent normals, summed over all but the first dimension."""
    terms = (
        (values - mean).square() * torch.exp(-log_variance) + log_variance + math.log(2 * math.pi)
    )
    return -0.5 * terms.flatten(1).sum(1)


def divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Return KL(q || N(0, 1)) of each hidden value, (n, values), in nats."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


class Evidence:
    """Loss of one batch, conditions dropped at random so that missing ones are known.

    Parameters
    ----------
    task : TrainingTask
        Its conditions, training and compute settings.
    network : Pass
    own : Vae
    latents : (n, c, h, w)
    codes : (n, columns)
        The conditions of each picture.
    where : device
    """

    def __init__(
        self, task: TrainingTask, network: Pass, own: Vae, latents: Latents, codes: Ids, where: torch.device
    ) -> None:  # fmt: skip
        self.network, self.own, self.latents = network, own, latents
        self.codes, self.where, self.conditions = codes, where, task.conditions
        self.settings, self.compute = Training.of(task.training), Compute.of(task.compute)

    def __call__(self, draw: Draw) -> torch.Tensor:
        """Mean over the batch of (beta * divergence - log likelihood) per value."""
        clean = self.latents[torch.from_numpy(draw.rows[draw.part])].to(self.where)
        # drawn for the whole batch, so that the number of processes changes none: (batch, values) -> (part, values)
        noise = torch.randn((len(draw.rows), self.own.latent_values), generator=draw.noise)
        ids = shown_ids(draw, self.codes, self.conditions, self.settings)
        with rounding(self.compute, self.where):
            passed = self.network(clean, ids.to(self.where), noise[draw.part].to(self.where))
        likelihood = log_normal(clean, passed.decoded, passed.log_noise)
        apart = divergence(passed.mean, passed.log_variance).clamp_min(self.own.free_bits).sum(1)
        return (self.own.beta * apart - likelihood).mean() / clean[0].numel()
