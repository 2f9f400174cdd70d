"""Codecs between pictures and the cells in which a generator works: linear, set by hand, nothing in them is trained.

Both are stock diffusers autoencoders, so that a released folder opens without code of ours. `pixel` (`AutoencoderTiny`)
is the identity. `blocks` (`AutoencoderDC`) describes each block of 4 x 4 pixels by its leading principal patterns; its
16 times fewer cells make a network of the same cost see the whole picture.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderDC, AutoencoderTiny

from avatarflow.core.arrays import Floats, Pictures
from avatarflow.core.errors import refuse
from avatarflow.generators.settings import Network
from avatarflow.imaging.spool import Stored

Codec: TypeAlias = AutoencoderTiny | AutoencoderDC

BLOCK = 4
COLOURS = 3
VALUES = BLOCK * BLOCK * COLOURS
PIXEL_SCALE = 2.0
"""1 / the spread of pixel values of a typical photograph in [-1, 1]."""

LEVEL = 1.0e4
"""A constant channel of this height makes the decoder's RMS norm a plain scaling, true to values**2 / LEVEL**2."""

LIFT = 8.0
"""Added before the decoder's ReLU and taken off behind it, so that it never cuts."""

SAMPLE = 200_000


def to_tensor(pictures: Pictures) -> torch.Tensor:
    """Pictures (n, h, w, 3) uint8 as (n, 3, h, w) float32 in [-1, 1]."""
    return (
        torch.from_numpy(np.ascontiguousarray(pictures))
        .permute(0, 3, 1, 2)
        .float()
        .div(127.5)
        .sub(1.0)
    )


def to_pictures(tensor: torch.Tensor) -> Pictures:
    """(n, 3, h, w) in [-1, 1] as pictures, rounded and clipped."""
    grey = tensor.float().add(1.0).mul(127.5).round().clamp(0, 255)
    array: Pictures = grey.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return array


def build(network: Network, pictures: Stored) -> Codec:
    """Return the codec that the settings name; `blocks` takes its patterns from the pictures.

    Raises
    ------
    AvatarflowError
        If the pictures cannot be cut into blocks.
    """
    return pixel() if network.codec == "pixel" else blocks(pictures, network.latent_channels)


def factor(codec: Codec) -> int:
    """Pixels per cell along one side."""
    return 1 if isinstance(codec, AutoencoderTiny) else BLOCK


@torch.no_grad()  # type: ignore[untyped-decorator]
def encode(codec: Codec, pictures: torch.Tensor) -> torch.Tensor:
    """Latents in which the generator is trained, such that the pipeline's decoding gives the picture back.

    Parameters
    ----------
    pictures : (n, 3, h, w) in [-1, 1]

    Returns
    -------
    (n, channels, h / factor, w / factor)
    """
    if isinstance(codec, AutoencoderTiny):  # its decoder bends its input by tanh(z / 3) * 3 first
        latents: torch.Tensor = 3.0 * torch.atanh(codec.encode(pictures).latents / 3.0)
    else:
        latents = codec.encode(pictures).latent
    scaled: torch.Tensor = latents * codec.config.scaling_factor
    return scaled


@torch.no_grad()  # type: ignore[untyped-decorator]
def decode(codec: Codec, latents: torch.Tensor) -> torch.Tensor:
    """Pictures (n, 3, h, w) in [-1, 1] of latents, as the stock pipeline decodes them."""
    return decoded(codec, latents)


def decoded(codec: Codec, latents: torch.Tensor) -> torch.Tensor:
    """Pictures as from `decode`, through which gradients go back to the latents."""
    pictures: torch.Tensor = codec.decode(latents / codec.config.scaling_factor).sample
    return pictures


def shown(codec: Codec, latents: torch.Tensor) -> npt.NDArray[np.float32]:
    """Pictures (n, h, w, 3) in [0, 1] of latents, as a pipeline gives them."""
    pictures = decode(codec, latents).add(1).div(2).clamp(0, 1)
    array: npt.NDArray[np.float32] = pictures.permute(0, 2, 3, 1).cpu().numpy()
    return array


def batches(pictures: Stored, size: int = 64) -> Iterator[torch.Tensor]:
    """Pictures as tensors, some at a time."""
    for start in range(0, len(pictures), size):
        yield to_tensor(pictures[start : start + size])


def encode_all(codec: Codec, pictures: Pictures, where: torch.device) -> torch.Tensor:
    """Latents (n, channels, cells, cells) of all pictures, encoded on a device and held on the processor."""
    return torch.cat([encode(codec, batch.to(where)).cpu() for batch in batches(pictures)])


def pixel() -> AutoencoderTiny:
    """The identity: two convolutions each way; the ReLU between the decoder's is passed as relu(x) - relu(-x)."""
    codec = AutoencoderTiny(
        encoder_block_out_channels=(6,), decoder_block_out_channels=(6,), num_encoder_blocks=(0,),
        num_decoder_blocks=(0,), latent_channels=COLOURS, scaling_factor=PIXEL_SCALE,
    )  # fmt: skip
    clear(codec)
    there, back = codec.encoder.layers, codec.decoder.layers
    with torch.no_grad():
        for colour in range(COLOURS):
            there[0].weight[colour, colour, 1, 1] = 2.0  # the encoder is handed [0, 1]
            there[0].bias[colour] = -1.0
            there[1].weight[colour, colour, 1, 1] = 1.0
            back[0].weight[colour, colour, 1, 1] = 1.0
            back[0].weight[colour + COLOURS, colour, 1, 1] = -1.0
            back[2].weight[colour, colour, 1, 1] = 0.5
            back[2].weight[colour, colour + COLOURS, 1, 1] = -0.5
            back[2].bias[colour] = 0.5
    return codec


def blocks(pictures: Stored, channels: int) -> AutoencoderDC:
    """Principal patterns of blocks of 4 x 4 pixels, each scaled by the inverse square root of its spread.

    Half whitening lifts fine detail but leaves it below the coarse form, which is so settled first. With 48 channels
    nothing is lost.

    Parameters
    ----------
    pictures : (n, h, w, 3) uint8
        What the patterns are taken from.
    channels : int
        How many are kept, at most 48.
    """
    if pictures.shape[1] % BLOCK or pictures.shape[2] % BLOCK:
        raise refuse(
            "network.codec", f"pictures of {pictures.shape[2]} x {pictures.shape[1]} px",
            f"use a multiple of {BLOCK} px or the pixel codec",
        )  # fmt: skip
    mean, patterns, spread = principal(pictures, channels)
    gain = 1.0 / np.sqrt(np.maximum(spread, 1.0e-3))
    codec = _shuffles(channels, float(1.0 / np.sqrt(np.mean((gain * spread) ** 2))))
    there, back = gain[:, None] * patterns, (patterns / gain[:, None]).T
    with torch.no_grad():
        codec.encoder.conv_out.weight[:, :, 1, 1] = _tensor(there)
        codec.encoder.conv_out.bias.copy_(_tensor(-there @ mean))
        codec.decoder.conv_in.weight[:VALUES, :, 1, 1] = _tensor(back)
        codec.decoder.conv_in.bias[:VALUES] = _tensor(mean)
    return codec


def principal(pictures: Stored, channels: int) -> tuple[Floats, Floats, Floats]:
    """Mean (48,), leading orthonormal patterns (channels, 48) and their spreads (channels,) over blocks.

    The 48 values of a block stand in the order (colour, row % 2, column % 2, row // 2, column // 2) that two pixel
    unshufflings give.
    """
    cells = (pictures.shape[1] // BLOCK) * (pictures.shape[2] // BLOCK)
    every = max(1, len(pictures) * cells // SAMPLE)
    # each `every`-th block of all pictures, counted over them; a view would keep the whole picture
    sampled = [
        _cut(picture)[-number * cells % every :: every].copy()
        for number, picture in enumerate(pictures)
    ]
    values = np.concatenate(sampled) / 127.5 - 1.0
    mean = values.mean(0)
    power, vectors = np.linalg.eigh(np.cov(values - mean, rowvar=False))
    patterns = vectors.T[::-1][:channels]
    # the sign of a pattern is free: fix it
    largest = np.take_along_axis(patterns, np.abs(patterns).argmax(1)[:, None], 1)
    return mean, patterns * np.sign(largest), np.sqrt(np.maximum(power[::-1][:channels], 0.0))


def _cut(picture: Pictures) -> Pictures:
    """(h, w, 3) as the values of its blocks, (cells, 48)."""
    height, width, _ = picture.shape
    # (h, w, 3) -> (h / 4 w / 4, 48)
    cut = picture.reshape(height // 4, 2, 2, width // 4, 2, 2, COLOURS)  # Y, y, y', X, x, x', c
    return cut.transpose(0, 3, 6, 2, 5, 1, 4).reshape(-1, VALUES)


def _shuffles(channels: int, scale: float) -> AutoencoderDC:
    """Return an `AutoencoderDC` of two exact pixel unshufflings and back; its projections are still empty."""
    half = 16  # 12 values, one constant, three spare: a multiple of 4 keeps the upward shortcut a plain shuffle
    codec = AutoencoderDC(
        in_channels=COLOURS, latent_channels=channels, attention_head_dim=4, scaling_factor=scale,
        encoder_block_out_channels=(12, 12, VALUES), decoder_block_out_channels=(half, half, 4 * half),
        encoder_layers_per_block=(0, 1, 0), decoder_layers_per_block=(0, 1, 0),
        encoder_qkv_multiscales=((), (), ()), decoder_qkv_multiscales=((), (), ()),
        encoder_out_shortcut=False, decoder_in_shortcut=False,
    )  # fmt: skip
    clear(codec)
    height = LEVEL / half**0.5  # root mean square over the channels of the constant alone
    with torch.no_grad():
        for colour in range(COLOURS):
            codec.encoder.conv_in.conv.weight[colour, colour, 1, 1] = 1.0
        codec.decoder.conv_in.bias[4 * 12 : 4 * 13] = LEVEL
        codec.decoder.norm_out.weight[:12] = height
        codec.decoder.norm_out.bias[:12] = LIFT
        for value in range(12):
            codec.decoder.conv_out.conv.weight[value, value, 1, 1] = 1.0
        codec.decoder.conv_out.conv.bias.fill_(-LIFT)
    return codec


def clear(codec: Codec) -> None:
    """Set every weight to zero and ask for no gradients."""
    codec.requires_grad_(False)
    with torch.no_grad():
        for weight in codec.parameters():
            weight.zero_()


def _tensor(values: npt.NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()
