"""The networks: plain residual ones without any normalisation, conditioned on a class.

References
----------
Huang et al. 2024, The GAN is dead; long live the GAN! A modern baseline GAN (arXiv 2501.05441), section 3 (networks);
Zhang et al. 2019 (arXiv 1901.09321; initial weights without normalisation); Miyato & Koyama 2018 (arXiv 1802.05637; the
class as a projection).
"""

import math
from collections.abc import Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.nn import functional

from avatarflow.core.seeds import integer
from avatarflow.generators.conditions import CLASSES
from avatarflow.generators.settings import Network

from .settings import Gan

SLOPE = 0.2
"""Of the leaky ReLU below 0."""

KERNELS = (1, 3, 1)
"""Of the convolutions of a residual block."""


class Residual(nn.Module):
    """A residual block; the last convolution starts at zero, so that the block does nothing at first.

    Parameters
    ----------
    width : int
    blocks : int
        Residual blocks in the network; the more, the smaller the first weights (Zhang et al. 2019).
    """

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(width, width, kernel, padding=kernel // 2) for kernel in KERNELS
        )
        scale = blocks ** (-1 / (2 * len(KERNELS) - 2))
        for layer in self.layers:
            start(layer, scale)
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """(n, width, h, w) to the same shape."""
        change = cells
        for place, layer in enumerate(self.layers):
            change = layer(functional.leaky_relu(change, SLOPE) if place else change)
        return cells + change


def start(layer: nn.Module, scale: float = 1.0) -> None:
    """Set a layer's first weights: normal, such that a leaky ReLU keeps the size of what it is handed; no bias."""
    weight: torch.Tensor = layer.weight  # type: ignore[assignment]
    gain = math.sqrt(2 / (1 + SLOPE**2))
    nn.init.normal_(weight, std=scale * gain / math.sqrt(weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


class Generator(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A picture's latents from noise and a class.

    Parameters
    ----------
    size, channels : int
        Side and channels of the codec's latents.
    widths : sequence of int
        One per resolution, each half the one before.
    layers : int
        Residual blocks per resolution.
    values : int
        Noise values per picture.
    """

    _supports_gradient_checkpointing = True

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self, size: int, channels: int, widths: Sequence[int], layers: int, values: int
    ) -> None:
        super().__init__()
        self.gradient_checkpointing = False
        self.values, self.smallest = values, size // 2 ** (len(widths) - 1)
        self.class_embedding = nn.Embedding(CLASSES, values)
        self.from_noise = nn.Linear(2 * values, widths[-1] * self.smallest**2)
        self.stages, self.widen = nn.ModuleList(), nn.ModuleList()
        for width, after in zip(reversed(widths), [*reversed(widths[:-1]), channels], strict=True):
            blocks = (Residual(width, layers * len(widths)) for _ in range(layers))
            self.stages.append(nn.Sequential(*blocks))
            self.widen.append(nn.Conv2d(width, after, 1))
        for layer in (self.from_noise, *self.widen):
            start(layer)

    def forward(self, noise: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Latents (n, channels, size, size) from noise (n, values) and class ids (n,)."""
        hidden = self.from_noise(torch.cat([noise, self.class_embedding(ids)], 1))
        cells = hidden.view(len(noise), -1, self.smallest, self.smallest)
        for place, (stage, widen) in enumerate(zip(self.stages, self.widen, strict=True)):
            if place:
                cells = functional.interpolate(cells, scale_factor=2, mode="bilinear")
            if self.gradient_checkpointing and torch.is_grad_enabled():
                cells = self._gradient_checkpointing_func(stage, cells)
            else:
                cells = stage(cells)
            cells = widen(cells)
        return cells.to(noise.dtype)


class Discriminator(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """How real a picture of a class looks, in comparison with another of that class.

    Parameters
    ----------
    size, patch : int
        Cells along a side, and pixels of a cell along a side.
    widths, layers
        As for the generator.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, size: int, patch: int, widths: Sequence[int], layers: int) -> None:
        super().__init__()
        self.patch, wide = patch, widths[-1]
        smallest = size // 2 ** (len(widths) - 1)
        self.stages, self.widen = nn.ModuleList(), nn.ModuleList()
        for before, width in zip([3 * patch**2, *widths[:-1]], widths, strict=True):
            self.widen.append(nn.Conv2d(before, width, 1))
            blocks = (Residual(width, layers * len(widths)) for _ in range(layers))
            self.stages.append(nn.Sequential(*blocks))
        self.to_features = nn.Linear(wide * smallest**2, wide)
        self.to_score = nn.Linear(wide, 1)
        self.class_embedding = nn.Embedding(CLASSES, wide)
        for layer in (*self.widen, self.to_features, self.to_score):
            start(layer)
        nn.init.normal_(self.class_embedding.weight, std=1 / math.sqrt(wide))

    def forward(self, pictures: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Scores (n,) of pictures (n, 3, height, width) in [-1, 1] and class ids (n,)."""
        cells = functional.pixel_unshuffle(pictures, self.patch)
        for place, (stage, widen) in enumerate(zip(self.stages, self.widen, strict=True)):
            cells = widen(functional.avg_pool2d(cells, 2) if place else cells)
            cells = stage(cells)
        features = functional.leaky_relu(self.to_features(cells.flatten(1)), SLOPE)
        projected = (features * self.class_embedding(ids)).sum(1)
        scores: torch.Tensor = self.to_score(features).squeeze(1) + projected
        return scores.to(pictures.dtype)


def build(
    network: Network, own: Gan, size: int, channels: int, patch: int, seed: int
) -> tuple[Generator, Discriminator]:
    """Return fresh networks.

    Parameters
    ----------
    size, channels : int
        Side and channels of the codec's latents.
    patch : int
        Pixels of a cell along a side.
    seed : int
        The run's seed; equal seeds give equal weights.

    Raises
    ------
    AvatarflowError
        If the size cannot be halved often enough.
    """
    network.check_halvings(size)
    shape = {"widths": list(network.channels), "layers": network.layers}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer(seed, "network"))
        generator = Generator(size=size, channels=channels, values=own.latent_values, **shape)
        discriminator = Discriminator(size=size, patch=patch, **shape)
    return generator, discriminator
