"""The array types of the package by their element type; shapes stand in the docstrings."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]  # (n, d): fingerprints or features, one row per picture
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Pictures = npt.NDArray[np.uint8]  # (n, side, side, 3): RGB
Codes = npt.NDArray[np.uint8]  # bases of a sequence
