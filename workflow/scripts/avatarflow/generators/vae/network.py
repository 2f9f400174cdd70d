"""The network: an encoder and a decoder of stock residual blocks, both conditioned on a class."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.resnet import ResnetBlock2D
from torch import nn
from torch.nn import functional

from avatarflow.core.seeds import integer
from avatarflow.generators.conditions import CLASSES
from avatarflow.generators.settings import Network

from .settings import Vae

SMALLEST_LOG_NOISE = -6.0
"""Lower bound of the log variance of the noise: a spread of 0.05, where the codec's cells have one of about 1."""

NOISE_SPEED = 10.0
"""The noise has one number per channel and a long way to go: it learns this much faster than the weights."""


class Passed(NamedTuple):
    """What one pass through encoder and decoder gives.

    Attributes
    ----------
    decoded : (n, channels, cells, cells)
        Mean of the codec's latents given the drawn hidden values.
    mean, log_variance : (n, values)
        Of the hidden values given the picture.
    log_noise : (channels, 1, 1)
        Log variance of the codec's latents around `decoded`.
    """

    decoded: torch.Tensor
    mean: torch.Tensor
    log_variance: torch.Tensor
    log_noise: torch.Tensor


class ConditionalVae(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """q(hidden | picture, class) and p(picture | hidden, class), both normal with diagonal covariance.

    The class goes into every residual block, as the time does in a denoising network. The noise is learned, which sets
    the weight of the reconstruction and so keeps the hidden values in use (Rybkin et al. 2021).

    Parameters
    ----------
    size, channels : int
        Side and channels of the codec's latents.
    widths : sequence of int
        One per resolution, each half the one before.
    layers : int
        Residual blocks per resolution.
    groups : int
        Of the group norm.
    dropout : float
    values : int
        Hidden values per picture.
    """

    _supports_gradient_checkpointing = True

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self, size: int, channels: int, widths: Sequence[int], layers: int, groups: int, dropout: float, values: int
    ) -> None:  # fmt: skip
        super().__init__()
        self.gradient_checkpointing = False
        self.values, self.smallest = values, size // 2 ** (len(widths) - 1)
        embedded, wide = 2 * widths[0], widths[-1]
        self.class_embedding = nn.Embedding(CLASSES, embedded)

        def block(before: int, after: int, **change: bool) -> ResnetBlock2D:
            return ResnetBlock2D(
                in_channels=before, out_channels=after, temb_channels=embedded, groups=groups, dropout=dropout,
                time_embedding_norm="scale_shift", **change,
            )  # fmt: skip

        self.conv_in = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            before = widths[max(level - 1, 0)]
            self.down.append(block(before, width, down=level > 0))
            self.down.extend(block(width, width) for _ in range(layers - 1))
        cells = wide * self.smallest**2
        self.to_hidden = nn.Linear(cells, 2 * values)
        self.from_hidden = nn.Linear(values, cells)
        for level in reversed(range(len(widths))):
            after = widths[max(level - 1, 0)]
            self.up.extend(block(widths[level], widths[level]) for _ in range(layers - 1))
            self.up.append(block(widths[level], after, up=level > 0))
        self.norm_in, self.norm_out = nn.GroupNorm(groups, wide), nn.GroupNorm(groups, widths[0])
        self.conv_out = nn.Conv2d(widths[0], channels, 3, padding=1)
        self.noise = nn.Parameter(torch.zeros(channels, 1, 1))

    def log_noise(self) -> torch.Tensor:
        """Return the log variance of the noise per channel, (channels, 1, 1), bounded softly from below."""
        free = NOISE_SPEED * self.noise.float() - SMALLEST_LOG_NOISE
        return SMALLEST_LOG_NOISE + functional.softplus(free)

    def encode(self, latents: torch.Tensor, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance (n, values) of the hidden values behind (n, channels, cells, cells)."""
        cells = self._through(self.down, self.conv_in(latents), ids)
        # (n, width, smallest, smallest) -> (n, 2 values)
        found = self.to_hidden(functional.silu(self.norm_in(cells)).flatten(1)).float()
        mean, log_variance = found.chunk(2, 1)
        return mean, log_variance.clamp(-14.0, 6.0)

    def decode(self, hidden: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Mean (n, channels, cells, cells) of the codec's latents given hidden values (n, values)."""
        cells = self.from_hidden(hidden).view(len(hidden), -1, self.smallest, self.smallest)
        cells = self._through(self.up, cells, ids)
        decoded: torch.Tensor = self.conv_out(functional.silu(self.norm_out(cells))).float()
        return decoded

    def forward(self, latents: torch.Tensor, ids: torch.Tensor, noise: torch.Tensor) -> Passed:
        """Encode, draw hidden values with the given noise (n, values), and decode."""
        mean, log_variance = self.encode(latents, ids)
        hidden = mean + torch.exp(0.5 * log_variance) * noise
        return Passed(self.decode(hidden, ids), mean, log_variance, self.log_noise())

    def _through(
        self, blocks: nn.ModuleList, cells: torch.Tensor, ids: torch.Tensor
    ) -> torch.Tensor:
        embedded = self.class_embedding(ids)
        for block in blocks:
            if self.gradient_checkpointing and torch.is_grad_enabled():
                cells = self._gradient_checkpointing_func(block, cells, embedded)
            else:
                cells = block(cells, embedded)
        return cells


def build(network: Network, own: Vae, size: int, channels: int, seed: int) -> ConditionalVae:
    """Return a fresh network.

    Parameters
    ----------
    size, channels : int
        Side and channels of the codec's latents.
    seed : int
        The run's seed; equal seeds give equal weights.

    Raises
    ------
    AvatarflowError
        If the size cannot be halved often enough or a width is no multiple of `norm_groups`.
    """
    network.check(size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer(seed, "network"))
        fresh: ConditionalVae = ConditionalVae(
            size=size,
            channels=channels,
            widths=list(network.channels),
            layers=network.layers,
            groups=network.norm_groups,
            dropout=network.dropout,
            values=own.latent_values,
        )
    return fresh
