"""Codecs between pictures and the cells in which a generator works; both are stock `AutoencoderTiny` in the `vae` slot.

`pixel` is the identity, with weights set by hand. `autoencoder` describes each block of 4 x 4 pixels by those of its
cosine coefficients that vary most (a linear encoder set by hand, so that a codec tuned to new pictures still speaks the
base's language) and learns the way back.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderTiny

from ..errors import refuse
from ..imaging.shards import Pictures
from ..seeds import integer
from .settings import Network

BLOCK = 4
PIXEL_SCALE = 2.0
"""1 / the spread of pixel values of a typical photograph in [-1, 1]."""

OPPONENT = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]]) / np.sqrt([[3.0], [2.0], [6.0]])
"""Orthonormal lightness, red-blue and green-magenta."""


def to_tensor(pictures: Pictures) -> torch.Tensor:
    """Pictures (n, h, w, 3) uint8 as (n, 3, h, w) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1.0)


def to_pictures(tensor: torch.Tensor) -> Pictures:
    """(n, 3, h, w) in [-1, 1] as pictures, rounded and clipped."""
    grey = tensor.float().add(1.0).mul(127.5).round().clamp(0, 255)
    array: Pictures = grey.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return array


def is_pixel(codec: AutoencoderTiny) -> bool:
    """Whether a codec is the identity."""
    return len(codec.config.num_encoder_blocks) == 1


def factor(codec: AutoencoderTiny) -> int:
    """Pixels per cell along one side."""
    return int(2 ** (len(codec.config.num_encoder_blocks) - 1))


@torch.no_grad()  # type: ignore[untyped-decorator]
def encode(codec: AutoencoderTiny, pictures: torch.Tensor) -> torch.Tensor:
    """Latents in which the generator is trained, such that the pipeline's decoding gives the picture back.

    The decoder bends its input by tanh(z / 3) * 3 first; the identity codec undoes that here, a trained one has learned
    with it.

    Parameters
    ----------
    pictures : (n, 3, h, w) in [-1, 1]

    Returns
    -------
    (n, channels, h / factor, w / factor)
    """
    latents: torch.Tensor = codec.encode(pictures).latents
    if is_pixel(codec):
        latents = 3.0 * torch.atanh(latents / 3.0)
    return latents * codec.config.scaling_factor


def decode(codec: AutoencoderTiny, latents: torch.Tensor) -> torch.Tensor:
    """Pictures (n, 3, h, w) in [-1, 1] of latents, as the stock pipeline decodes them."""
    decoded: torch.Tensor = codec.decode(latents / codec.config.scaling_factor).sample
    return decoded


def pixel() -> AutoencoderTiny:
    """The identity: two convolutions each way; the ReLU between the decoder's is passed as relu(x) - relu(-x)."""
    codec = AutoencoderTiny(
        encoder_block_out_channels=(6,), decoder_block_out_channels=(6,), num_encoder_blocks=(0,),
        num_decoder_blocks=(0,), latent_channels=3, scaling_factor=PIXEL_SCALE,
    )  # fmt: skip
    there, back = codec.encoder.layers, codec.decoder.layers
    with torch.no_grad():
        for convolution in (there[0], there[1], back[0], back[2]):
            convolution.weight.zero_()
            if convolution.bias is not None:
                convolution.bias.zero_()
        for colour in range(3):
            there[0].weight[colour, colour, 1, 1] = 2.0
            there[0].bias[colour] = -1.0
            there[1].weight[colour, colour, 1, 1] = 1.0
            back[0].weight[colour, colour, 1, 1] = 1.0
            back[0].weight[colour + 3, colour, 1, 1] = -1.0
            back[2].weight[colour, colour, 1, 1] = 0.5
            back[2].weight[colour, colour + 3, 1, 1] = -0.5
            back[2].bias[colour] = 0.5
    return codec


def cosine(network: Network, pictures: Pictures, seed: int) -> AutoencoderTiny:
    """A codec of 4 x 4 blocks whose encoder is set by hand and whose decoder is still to be trained.

    Parameters
    ----------
    network : Network
        `latent_channels` coefficients are kept; `codec_channels` is the decoder's width.
    pictures : (n, h, w, 3) uint8
        What sets the mean and the spread of each channel.
    """
    size = pictures.shape[1]
    if size % BLOCK:
        raise refuse("network.codec", f"pictures of {size} px", f"use a multiple of {BLOCK} px or the pixel codec")
    width = network.codec_channels
    inner = max(3 * BLOCK * BLOCK, width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer(seed, "codec"))
        codec = AutoencoderTiny(
            encoder_block_out_channels=(inner,) * 3, decoder_block_out_channels=(width,) * 3,
            num_encoder_blocks=(0, 0, 0), num_decoder_blocks=(1, 1, 1), latent_channels=network.latent_channels,
        )  # fmt: skip
    _unshuffle(codec)
    project = codec.encoder.layers[-1]
    with torch.no_grad():
        project.weight[:, :48, 1, 1] = torch.from_numpy(_basis(pictures, network.latent_channels)).float()
        mean, spread = _moments(codec, pictures)
        # half whitening: fine detail is lifted but stays below the coarse form, and the widest channel is kept where
        # the decoder's tanh is nearly straight
        gain = spread.rsqrt().clamp(max=10.0)
        gain = gain / (gain * spread).max()
        project.weight.mul_(gain[:, None, None, None])
        project.bias.copy_(-mean * gain)
        deviation = _moments(codec, pictures)[1]
    codec.register_to_config(scaling_factor=float(1.0 / deviation.square().mean().sqrt()))
    codec.encoder.requires_grad_(False)
    return codec


def blocks(pictures: Pictures, size: int = 64) -> Iterator[torch.Tensor]:
    """Pictures as tensors, some at a time."""
    for start in range(0, len(pictures), size):
        yield to_tensor(pictures[start : start + size])


def _unshuffle(codec: AutoencoderTiny) -> None:
    """Make the encoder gather blocks of 4 x 4 pixels in 48 channels, (row * 4 + column) * 3 + colour, in [-1, 1]."""
    first, second, third, project = codec.encoder.layers
    with torch.no_grad():
        for convolution in (first, second, third, project):
            convolution.weight.zero_()
        for bias in (first.bias, project.bias):
            bias.zero_()
        for colour in range(3):
            first.weight[colour, colour, 1, 1] = 2.0
            first.bias[colour] = -1.0
        for row, column, colour in np.ndindex(2, 2, 3):
            second.weight[(row * 2 + column) * 3 + colour, colour, 1 + row, 1 + column] = 1.0
        for row, column, inner_row, inner_column, colour in np.ndindex(2, 2, 2, 2, 3):
            source = (inner_row * 2 + inner_column) * 3 + colour
            target = ((row * 2 + inner_row) * 4 + column * 2 + inner_column) * 3 + colour
            third.weight[target, source, 1 + row, 1 + column] = 1.0


def _basis(pictures: Pictures, channels: int) -> npt.NDArray[np.float64]:
    """(channels, 48) orthonormal cosine patterns over a block, those that vary most over the pictures first."""
    place = np.arange(BLOCK)
    waves = [
        math.sqrt((1 if k == 0 else 2) / BLOCK) * np.cos(math.pi * k * (2 * place + 1) / (2 * BLOCK)) for k in place
    ]
    every = np.stack(
        [
            np.einsum("i,j,c->ijc", waves[row], waves[column], OPPONENT[colour]).ravel()
            for row, column, colour in np.ndindex(BLOCK, BLOCK, 3)
        ]
    )
    count, height, width, _ = pictures.shape
    cut = pictures.reshape(count, height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3).swapaxes(2, 3).reshape(-1, 48)
    spread = (cut[:: max(1, len(cut) // 200_000)] / 127.5 @ every.T).std(0)
    order = np.argsort(-spread, kind="stable")[:channels]
    chosen: npt.NDArray[np.float64] = every[order]
    return chosen


def _moments(codec: AutoencoderTiny, pictures: Pictures) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and spread (channels,) of the encoder's output over pictures."""
    count, total, square = 0, 0.0, 0.0
    for batch in blocks(pictures):
        latents = codec.encode(batch).latents.double().movedim(1, 0).flatten(1)
        count += latents.shape[1]
        total = total + latents.sum(1)
        square = square + latents.square().sum(1)
    mean = torch.as_tensor(total) / count
    return mean.float(), (torch.as_tensor(square) / count - mean.square()).clamp(min=1e-8).sqrt().float()
