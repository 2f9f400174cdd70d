"""A mark in the middle frequencies of the luminance, and its detector.

Each frequency gets a sign from the key. The score is the sum of the picture's cosine coefficients
with these signs, each divided by the power of its ring of frequencies, over the root of the sum of
squares. Over random keys it has mean 0 and variance 1 whatever the picture, and is above t with
probability at most exp(-t^2 / 2) (Hoeffding). Embedding raises it to a wanted score, and no
further, with the same amplitude at every frequency.

References
----------
Cox et al. 1997 (spread spectrum); Malvar and Florencio 2003 (the picture's own part is taken into account).
"""

import hashlib
from functools import lru_cache

import numpy as np
from scipy.fft import dctn, idctn
from scipy.ndimage import uniform_filter

GRID = 128  # frequencies that have a sign, each way
LOWEST, HIGHEST = 6, 0.4  # half periods per picture, and a share of the side: half a size keeps 0.5
RING = 4  # frequencies to a ring
FLOOR = 64.0  # power below which a coefficient is what JPEG left of it
LUMA = np.array([0.299, 0.587, 0.114])


@lru_cache(maxsize=64)
def signs(key: bytes) -> np.ndarray:
    """Return +1 or -1 for each frequency; the same at every size of a picture."""
    bits = np.frombuffer(hashlib.shake_256(key).digest(GRID * GRID // 8), np.uint8)
    return np.unpackbits(bits).reshape(GRID, GRID) * 2.0 - 1


@lru_cache(maxsize=8)
def band(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows and columns of the frequencies that carry the mark, and the ring of each."""
    top = min(GRID, side)
    radius = np.hypot(*np.mgrid[:top, :top])
    rows, columns = np.nonzero((radius >= LOWEST) & (radius <= min(HIGHEST * side, GRID - 1)))
    return rows, columns, ((radius[rows, columns] - LOWEST) // RING).astype(int)


def coefficients(luminance: np.ndarray) -> np.ndarray:
    """Return the coefficients of the band, each divided by the power of its ring."""
    rows, columns, ring = band(len(luminance))
    values = dctn(luminance, norm="ortho")[rows, columns]
    power = np.bincount(ring, values**2) / np.bincount(ring)
    return values / (power[ring] + FLOOR)


def scores(picture: np.ndarray, keys: list[bytes]) -> np.ndarray:
    """Return the score of a picture, (side, side, 3) uint8, under each key."""
    values = coefficients(picture @ LUMA)
    rows, columns, _ = band(len(picture))
    matrix = np.stack([signs(key)[rows, columns] for key in keys])
    return matrix @ values / np.sqrt(max(float((values**2).sum()), 1e-30))


def embed(picture: np.ndarray, key: bytes, score: float) -> np.ndarray:
    """Return the picture with the smallest strength, that reaches the score; flat parts stay as they are."""
    luminance = picture @ LUMA
    rows, columns, _ = band(len(picture))
    spectrum = np.zeros_like(luminance)
    spectrum[rows, columns] = signs(key)[rows, columns]
    wave = idctn(spectrum, norm="ortho")
    mean = uniform_filter(luminance, 5)
    deviation = np.sqrt(np.maximum(uniform_filter(luminance**2, 5) - mean**2, 0))
    wave = wave * deviation / (deviation + 2)
    wave = (wave / max(float(wave.std()), 1e-9))[..., None]
    low, high = 0.0, 16.0
    for _ in range(12):
        middle = (low + high) / 2
        marked = np.clip(np.rint(picture + middle * wave), 0, 255).astype(np.uint8)
        low, high = (low, middle) if scores(marked, [key])[0] >= score else (middle, high)
    return np.clip(np.rint(picture + high * wave), 0, 255).astype(np.uint8)
