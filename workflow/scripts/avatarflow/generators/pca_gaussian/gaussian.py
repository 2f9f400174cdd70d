"""A Gaussian in the principal components of pictures: the naive baseline that every generator must beat."""

import numpy as np

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures, Rows
from avatarflow.imaging.spool import Stored

BLOCK = 256


def components(centred: Rows, variance: float) -> Rows:
    """Return the principal components, each times its standard deviation.

    Parameters
    ----------
    centred : (m, pixels) float32
        Pictures less their mean, m >= 2.
    variance : float
        Share of the variance that the kept components hold, 0 to 1.

    Returns
    -------
    (kept, pixels) float32
    """
    # the m x m Gram matrix has the same components as the far larger covariance of pixels
    values, vectors = np.linalg.eigh(centred @ centred.T / (len(centred) - 1))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(values), variance * values.sum())) + 1
    # a component times its standard deviation is centred.T @ vector / sqrt(m - 1)
    scaled: Rows = (vectors[:, :kept].T @ centred) / np.sqrt(len(centred) - 1)
    return scaled


def pca_gaussian(pictures: Stored, n: int, seed: int, variance: float = 0.95) -> Pictures:
    """Draw pictures from a Gaussian fitted to the principal components of the given ones.

    Parameters
    ----------
    pictures : (m, height, width, 3) uint8
        Training pictures, m >= 2.
    n : int
        How many to draw.
    seed : int
    variance : float
        Share of the pixel variance that the kept components hold, 0 to 1.

    Returns
    -------
    (n, height, width, 3) uint8

    Raises
    ------
    ValueError
        If fewer than two pictures are given.
    """
    if len(pictures) < 2:
        raise ValueError(f"pca_gaussian: {len(pictures)} pictures; pass at least two")
    flat = np.asarray(pictures).reshape(len(pictures), -1).astype(np.float32)
    mean = flat.mean(0)
    scaled = components(flat - mean, variance)
    drawn = np.empty((n, *pictures.shape[1:]), np.uint8)
    for start in range(0, n, BLOCK):
        items = range(start, min(start + BLOCK, n))
        scores = np.stack(
            [
                seeds.generator(seed, "pca_gaussian", item).standard_normal(len(scaled))
                for item in items
            ]
        )
        block = mean + scores.astype(np.float32) @ scaled
        drawn[start : start + len(items)] = (
            np.rint(block.clip(0, 255)).astype(np.uint8).reshape(-1, *pictures.shape[1:])
        )
    return drawn
