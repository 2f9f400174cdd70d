"""A Gaussian in the principal components of pictures: the naive baseline that every generator must beat."""

from collections.abc import Iterable, Iterator
from functools import reduce

import numpy as np

from avatarflow.core import seeds
from avatarflow.core.arrays import Floats, Pictures, Rows
from avatarflow.imaging.spool import Stored

BLOCK = 256
VALUES = 2**25  # of pictures as numbers held at a time: 134 MB


def pixel_blocks(pictures: int, pixels: int) -> Iterator[slice]:
    """Pixels of so many pictures that are taken at a time: sums over all of them need no more memory than a block."""
    width = max(1, VALUES // pictures)
    return (slice(start, start + width) for start in range(0, pixels, width))


def loadings(centred: Iterable[Rows], variance: float) -> Rows:
    """Return what pictures are multiplied by to give their principal components.

    Parameters
    ----------
    centred : of (m, pixels of the block) float32
        Pictures less their mean, m >= 2, block by block of their pixels.
    variance : float
        Share of the variance that the kept components hold, 0 to 1.

    Returns
    -------
    (kept, m) float32
    """
    # the m x m Gram matrix has the same components as the far larger covariance of pixels
    products = reduce(np.add, (block @ block.T for block in centred))
    values, vectors = np.linalg.eigh(products / (len(products) - 1))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(values), variance * values.sum())) + 1
    return np.asarray(vectors[:, :kept].T)


def scaled(weights: Rows, centred: Rows) -> Floats:
    """Return the components (kept, pixels), each times its standard deviation: weights @ centred / sqrt(m - 1)."""
    return np.asarray((weights @ centred) / np.sqrt(len(centred) - 1))


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
    flat = np.asarray(pictures).reshape(len(pictures), -1)

    def centred(pixels: slice) -> tuple[Rows, Rows]:
        block = flat[:, pixels].astype(np.float32)
        mean = block.mean(0)
        block -= mean
        return mean, block

    parts = list(pixel_blocks(*flat.shape))
    weights = loadings((centred(pixels)[1] for pixels in parts), variance)
    scores = np.empty((n, len(weights)), np.float32)
    for item in range(n):
        drawing = seeds.generator(seed, "pca_gaussian", item)
        scores[item] = drawing.standard_normal(len(weights))
    drawn = np.empty((n, flat.shape[1]), np.uint8)
    for pixels in parts:
        mean, block = centred(pixels)
        components = scaled(weights, block)
        for start in range(0, n, BLOCK):
            values = mean + scores[start : start + BLOCK] @ components
            drawn[start : start + BLOCK, pixels] = np.rint(values.clip(0, 255)).astype(np.uint8)
    return drawn.reshape(n, *pictures.shape[1:])
