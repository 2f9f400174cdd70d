"""How much a round patch differs from the ring around it, at every pixel, sector by sector."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

from avatarflow.core.arrays import Floats, Mask

PAD_PX = 96  # of the Fourier transforms of 64 px: a patch must not reach around the picture's edge
SEEN = 0.15  # of a sector must lie in the field, or it differs by nothing

RIGHT, BELOW, LEFT, ABOVE = range(4)


def patches(
    level: Floats, field: Mask, radii_px: tuple[float, ...], ring: tuple[float, float]
) -> Floats:
    """(sizes, 4, side, side) by how much the sectors of a patch around each pixel are brighter than the ring's.

    Parameters
    ----------
    level : (side, side)
        Brightness; side + twice the largest ring at most `PAD_PX`, beyond it is 0.
    field : (side, side) bool
        What counts.
    radii_px : tuple of float
        Of the patches.
    ring : (float, float)
        From and to these times the radius.
    """
    rows, columns = level.shape
    kernels = _kernels(radii_px, ring)  # (2, sizes, 4, PAD_PX, PAD_PX // 2 + 1)
    both = fft.rfft2(np.stack([level * field, field]).astype(np.float32), (PAD_PX, PAD_PX))
    value, weight = (
        fft.irfft2(kernels * plane, (PAD_PX, PAD_PX))[..., :rows, :columns] for plane in both
    )
    inner, around = np.where(weight > SEEN, value / np.maximum(weight, SEEN), 0.0)
    return np.asarray(inner - around, np.float64)


@lru_cache(maxsize=64)
def _kernels(radii_px: tuple[float, ...], ring: tuple[float, float]) -> npt.NDArray[np.complex64]:
    """Spectra of the sectors of patches (first) and of the rings around them (second), each of sum 1."""
    at = -fft.fftfreq(PAD_PX, 1 / PAD_PX)  # turned by half: a correlation, not a convolution
    distance, turn = np.hypot(at[:, None], at[None]), np.arctan2(at[:, None], at[None])
    sector = np.floor(turn / (np.pi / 2) + 0.5) % 4
    drawn = np.zeros((2, len(radii_px), 4, PAD_PX, PAD_PX), np.float32)
    for number, size in enumerate(radii_px):
        patch, hole, rim = (np.clip(times * size - distance + 0.5, 0, 1) for times in (1.0, *ring))
        for part in range(4):
            drawn[0, number, part] = patch * (sector == part)
            drawn[1, number, part] = (rim - hole) * (sector == part)
    return np.asarray(fft.rfft2(drawn / drawn.sum((3, 4), keepdims=True)), np.complex64)
