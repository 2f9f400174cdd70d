"""Two fixed encoders for judging fidelity: no download, not trained on any picture, and not the cone's.

Both see pictures of at most `LONGEST` pixels: they compare composition, colour and texture, not pixels.
`ENCODERS` names one function per encoder; each takes (n, h, w, 3) uint8 and gives (n, d) float32.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures, Rows
from avatarflow.core.errors import refuse
from avatarflow.imaging.spool import Stored

LONGEST = 64
BLOCK = 64
STAGES = (32, 64, 128, 128)  # channels of the random network
GRID = 4
SCALES, ORIENTATIONS = 4, 6  # of the wavelets
FINEST = 0.25  # cycles per pixel of the first scale: nearer to 0.5 one would measure which filter resized the originals
MAPPED = (1, 2)  # scales whose directions are also kept as a coarse map
JUST_SEEN = 0.01  # contrast that an eye just sees (Weber); below it the logarithm of a wavelet moment levels off
ENCODER_SEED = 20_180  # part of the encoder's definition, never the run's


def embed(pictures: Stored, encoder: str) -> Rows:
    """Rows of pictures by the named encoder.

    Parameters
    ----------
    pictures : (n, height, width, 3) uint8
    encoder : str
        A name in `ENCODERS`.

    Returns
    -------
    (n, d) float32

    Raises
    ------
    AvatarflowError
        If the encoder is unknown.
    """
    if encoder not in ENCODERS:
        raise refuse(
            "evaluate.encoders",
            f"unknown encoder {encoder!r}",
            f"name one of {', '.join(sorted(ENCODERS))}",
        )
    with torch.inference_mode():
        starts = range(0, len(pictures), BLOCK)
        blocks = [ENCODERS[encoder](pictures[start : start + BLOCK]) for start in starts]
    return np.concatenate(blocks) if blocks else np.zeros((0, 0), np.float32)


def shrink(pictures: Pictures, longest: int = LONGEST) -> torch.Tensor:
    """Pictures as (n, 3, h, w) float32 in 0..1, reduced by area so that no side exceeds `longest`; never enlarged."""
    images = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
    height, width = images.shape[2:]
    scale = longest / max(height, width)
    if scale < 1:
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        images = torch.nn.functional.interpolate(images, size=size, mode="area")
    return images


def random_convolutions(pictures: Pictures) -> Rows:
    """Channel means, spreads and coarse maps of an untrained convolutional network with fixed random filters.

    References
    ----------
    Saxe 2011 (random filters with pooling are good features); Naeem 2020, section 4 (random embeddings suit
    generative metrics where no pretrained network fits the domain).
    """
    maps = shrink(pictures) * 2 - 1
    parts: list[torch.Tensor] = []
    for number, (weight, bias) in enumerate(_random_filters()):
        if number:
            maps = torch.nn.functional.avg_pool2d(maps, 2, ceil_mode=True)
        maps = torch.nn.functional.conv2d(maps, weight, bias, padding="same")
        maps = torch.nn.functional.leaky_relu(maps, 0.1)
        parts += [maps.mean((2, 3)), maps.std((2, 3))]
        coarse = torch.nn.functional.adaptive_avg_pool2d(
            maps[:, :8], GRID
        )  # where things are: a moved disc must count
        parts.append(coarse.flatten(1))
    return np.asarray(torch.cat(parts, 1).numpy(), np.float32)


def wavelets_and_layout(pictures: Pictures) -> Rows:
    """Hand-made descriptors: scattering moments, a coarse map of edge directions, colour layout and colour quantiles.

    The map of directions is not normalised by contrast as in HOG: in the black surround of an eye that would blow
    invisible noise up to full size.

    References
    ----------
    Bruna & Mallat 2013 (scattering, first and second order).
    """
    images = shrink(pictures)
    grey = images.mean(1)
    layout = torch.nn.functional.adaptive_avg_pool2d(images, 6).flatten(1).numpy()
    quantiles = (
        torch.quantile(images.flatten(2), torch.linspace(0.05, 0.95, 9), dim=2)
        .permute(1, 2, 0)
        .flatten(1)
    )
    return np.concatenate([_scattering(grey), layout, quantiles.numpy()], axis=1)


ENCODERS: dict[str, Callable[[Pictures], Rows]] = {
    "random_convolutions": random_convolutions,
    "wavelets_and_layout": wavelets_and_layout,
}


@lru_cache(maxsize=1)
def _random_filters() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Filters (out, in, 3, 3) and biases per stage; half of the filters sum to zero and so answer to structure only."""
    filters, before = [], 3
    for stage, channels in enumerate(STAGES):
        draw = seeds.generator(ENCODER_SEED, "random convolutions", stage)
        weight = draw.standard_normal((channels, before, 3, 3)) * np.sqrt(2 / (before * 9))
        weight[::2] -= weight[::2].mean((2, 3), keepdims=True)
        bias = draw.standard_normal(channels) * 0.1
        filters.append(
            (torch.from_numpy(weight.astype(np.float32)), torch.from_numpy(bias.astype(np.float32)))
        )
        before = channels
    return filters


def _scattering(grey: torch.Tensor) -> Rows:
    """(n, ...) logarithms of the mean and spread of wavelet moduli, first and second order, of (n, h, w) grey maps."""
    bank = _wavelets(
        int(grey.shape[1]), int(grey.shape[2])
    )  # (scales, orientations, h, w), in the Fourier domain
    spectrum = torch.fft.fft2(grey - grey.mean((1, 2), keepdim=True))
    parts: list[torch.Tensor] = []
    for scale in range(SCALES):
        first = torch.fft.ifft2(spectrum[:, None] * bank[scale]).abs()  # (n, orientations, h, w)
        parts += [first.mean((2, 3)), first.std((2, 3))]
        if scale in MAPPED:
            parts.append(torch.nn.functional.adaptive_avg_pool2d(first, GRID).flatten(1))
        again = torch.fft.fft2(first)
        for coarser in range(scale + 1, SCALES):
            for turn in (
                0,
                ORIENTATIONS // 2,
            ):  # along and across: the other turns add little and cost most of the time
                parts.append(
                    torch.fft.ifft2(again * bank[coarser].roll(turn, 0)).abs().mean((2, 3))
                )
    return np.asarray(torch.log(torch.cat(parts, 1) + JUST_SEEN).numpy(), np.float32)


@lru_cache(maxsize=4)
def _wavelets(height: int, width: int) -> torch.Tensor:
    """(scales, orientations, height, width) Gabor-like band passes in the Fourier domain, real-valued, one-sided."""
    fy = torch.fft.fftfreq(height)[:, None]
    fx = torch.fft.fftfreq(width)[None, :]
    angle, radius = torch.atan2(fy, fx), torch.sqrt(fx**2 + fy**2)
    bank = torch.zeros(SCALES, ORIENTATIONS, height, width)
    for scale in range(SCALES):
        band = torch.exp(
            -0.5 * (torch.log2(radius.clamp_min(1e-6) / (FINEST / 2**scale)) / 0.5) ** 2
        )
        for orientation in range(ORIENTATIONS):
            turn = np.pi * orientation / ORIENTATIONS
            away = torch.remainder(angle - turn + np.pi, 2 * np.pi) - np.pi
            bank[scale, orientation] = band * torch.exp(-0.5 * (away / (np.pi / ORIENTATIONS)) ** 2)
    bank[:, :, 0, 0] = 0
    return bank
