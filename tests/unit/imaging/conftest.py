"""What the tests of pictures share."""

import numpy as np
import pytest


@pytest.fixture
def scene():
    """A smooth colour picture, so that lossy formats stay close to it."""
    y, x = np.mgrid[:40, :60]
    return np.stack([4 * x, 6 * y, 100 + x + y], -1).astype(np.uint8)
