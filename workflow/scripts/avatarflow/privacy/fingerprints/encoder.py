"""The fingerprint's network: a small residual CNN on locally normalised pictures."""

from functools import cache

import torch
from torch import nn
from torch.nn import functional

WINDOWS = (9, 25)  # pixels, of the local normalisations, at 64 px


def normalised(pictures: torch.Tensor, size_px: int) -> torch.Tensor:
    """Pictures as the network sees them.

    Parameters
    ----------
    pictures : (n, 3, h, w) float32 in [0, 1]
    size_px : int
        Side the pictures are brought to.

    Returns
    -------
    (n, 7, size_px, size_px)
        The picture itself; its three channels with the local mean taken away and divided by the local spread (vessels
        stay, light and colour go); the green channel so treated in a wider window. A flat picture gives zeros there.
    """
    if pictures.shape[2:] != (size_px, size_px):
        pictures = functional.interpolate(
            pictures, size=(size_px, size_px), mode="bilinear", antialias=True, align_corners=False
        )
    narrow, wide = (max(3, round(window * size_px / 64) // 2 * 2 + 1) for window in WINDOWS)
    # (n, 3, size, size) -> (n, 7, size, size)
    local = _local(pictures, narrow)
    return torch.cat([2 * pictures - 1, local, _local(pictures[:, 1:2], wide)], 1)


def _local(pictures: torch.Tensor, window: int) -> torch.Tensor:
    mean = _mean(pictures, window)
    spread = (_mean(pictures**2, window) - mean**2).clamp_min(0).sqrt()
    return (pictures - mean) / (spread + 0.02)


def _mean(pictures: torch.Tensor, window: int) -> torch.Tensor:
    box = box_matrix(pictures.shape[-1], window)
    # a mean along rows, then along columns: (size, size) @ (n, c, size, size) @ (size, size)
    return box @ pictures @ box.T


@cache
def box_matrix(size_px: int, window: int) -> torch.Tensor:
    """(size, size) matrix whose rows average the window about each place, as far as it lies inside."""
    places = torch.arange(size_px)
    inside = ((places[:, None] - places[None]).abs() <= window // 2).float()
    return inside / inside.sum(1, keepdim=True)


class Residual(nn.Module):
    """Two 3 x 3 convolutions with batch norm around a shortcut; the first may halve the size."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm_first = nn.BatchNorm2d(after)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm_second = nn.BatchNorm2d(after)
        # without a stride: torch 2.13's strided 1 x 1 convolution of fewer than 8 channels writes beyond its memory on
        # processors with AVX2 alone, in the backward pass of channels-last pictures
        self.shortcut = nn.Conv2d(before, after, 1, bias=False)
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, before, h, w) -> (n, after, h / stride, w / stride)."""
        inner = functional.relu(self.norm_first(self.first(x)))
        seen = x[:, :, :: self.stride, :: self.stride]
        return functional.relu(self.shortcut(seen) + self.norm_second(self.second(inner)))


class Fingerprinter(nn.Module):
    """What every kind of encoder has: a whitening, and fingerprints that do not know left from right.

    A kind gives `forward`: (n, 3, h, w) in [0, 1] -> (n, d) unit rows.
    """

    mean: torch.Tensor
    whitening: torch.Tensor

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.dimensions = dimensions

    def whitened(self, rows: torch.Tensor) -> torch.Tensor:
        """(n, d) unit rows, stretched so that perturbations move them equally far in all directions; unit again."""
        return functional.normalize((rows - self.mean) @ self.whitening, dim=1)

    def fingerprints(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) -> (n, d): the mean direction of a picture and its mirror image; NaN where there is none."""
        both = self(pictures) + self(pictures.flip(3))
        rows = self.whitened(functional.normalize(both, dim=1))
        return torch.where(both.norm(dim=1, keepdim=True) > 1e-3, rows, torch.nan)


class Network(Fingerprinter):
    """Picture to unit vector.

    Parameters
    ----------
    dimensions : int
        Length of the fingerprint, d.
    width : int
        Channels of the first stage; the later ones have 2, 4 and 6 times as many.
    size_px : int
        Side of the pictures it looks at; others are brought to it.
    """

    def __init__(self, dimensions: int, width: int, size_px: int) -> None:
        super().__init__(dimensions)
        self.size_px = size_px
        w = width
        self.stem = nn.Sequential(
            nn.Conv2d(7, w, 5, 2, 2, bias=False), nn.BatchNorm2d(w), nn.ReLU()
        )
        self.stages = nn.Sequential(
            Residual(w, 2 * w, 2), Residual(2 * w, 4 * w, 2), Residual(4 * w, 6 * w, 2)
        )
        self.squeeze = nn.Conv2d(6 * w, 2 * w, 1)  # keeps where things are: places tell eyes apart
        side = -(-size_px // 16)  # each of four halvings rounds up
        self.head = nn.Linear(2 * w * side**2 + 6 * w, dimensions)
        self.register_buffer("mean", torch.zeros(dimensions))
        self.register_buffer("whitening", torch.eye(dimensions))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) float32 in [0, 1] -> (n, d) unit rows."""
        with torch.autocast("cpu", enabled=False):  # differences of squares need single precision
            seen = normalised(pictures.contiguous(), self.size_px).contiguous(
                memory_format=torch.channels_last
            )
        x = self.stages(self.stem(seen))  # (n, 6w, size / 16, size / 16)
        # (n, 6w, s, s) -> (n, 2w s^2)
        places = self.squeeze(x).flatten(1)
        # (n, 6w, s, s) -> (n, 6w)
        whole = x.mean((2, 3))
        return functional.normalize(self.head(torch.cat([places, whole], 1)).float(), dim=1)
