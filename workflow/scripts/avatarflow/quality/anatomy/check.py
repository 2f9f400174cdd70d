"""What every kind of picture shares: which limits a finding has, and the picture as numbers."""

import numpy as np
from skimage.transform import resize

from avatarflow.core.arrays import Floats, Pictures

SIDE_PX = 64
"""Everything is measured at this side, so that limits mean the same whatever the size."""
LEAST, MOST = "least", "most"
"""Which limits a finding has."""


def as_floats(picture: Pictures) -> Floats:
    """Return the picture as (SIDE_PX, SIDE_PX, 3) numbers between 0 and 1."""
    if picture.shape[:2] == (SIDE_PX, SIDE_PX):
        return picture / 255.0
    smaller = min(picture.shape[:2]) > SIDE_PX
    return np.asarray(resize(picture, (SIDE_PX, SIDE_PX, 3), anti_aliasing=smaller), np.float64)
