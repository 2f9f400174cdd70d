"""The denoising network: a stock `UNet2DModel` conditioned on one of 1001 classes."""

import torch
from diffusers import UNet2DModel

from avatarflow.core.seeds import integer
from avatarflow.generators.conditions import CLASSES
from avatarflow.generators.settings import Network


def build(network: Network, size: int, channels: int, seed: int) -> UNet2DModel:
    """Return a fresh network.

    Parameters
    ----------
    network : Network
        `channels` names one width per resolution, each half the one before; `attention` the resolutions (in cells)
        that have attention.
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
    attended = [size // 2**level in network.attention for level in range(len(network.channels))]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer(seed, "network"))
        return UNet2DModel(
            sample_size=size,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=tuple(network.channels),
            down_block_types=tuple(
                "AttnDownBlock2D" if here else "DownBlock2D" for here in attended
            ),
            up_block_types=tuple(
                "AttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attended)
            ),
            add_attention=attended[-1],
            layers_per_block=network.layers,
            attention_head_dim=network.head_channels,
            norm_num_groups=network.norm_groups,
            dropout=network.dropout,
            num_class_embeds=CLASSES,
        )


def positions(model: UNet2DModel) -> int:
    """Positions that the network's largest attention looks at: cells of the finest attended resolution, else 0."""
    kinds, size = model.config.down_block_types, model.config.sample_size
    sides = [size // 2**level for level, kind in enumerate(kinds) if kind.startswith("Attn")]
    if model.config.add_attention:
        sides.append(size // 2 ** (len(kinds) - 1))
    return max((side**2 for side in sides), default=0)
