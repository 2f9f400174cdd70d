"""What a frontal chest radiograph shows: the spine, two lungs and the heart, as numbers.

The lit part of the picture is brought to 64 px. The midline is the brightest column near the middle at the height of
the upper chest; lungs are dark zones at both sides of it; the heart is what makes the patient's left, which is right in
the picture, brighter at the height of the lower lungs. Brightness is in standard deviations of the lit part.
"""

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from avatarflow.core.arrays import Floats, Pictures

from .check import LEAST, MOST, SIDE_PX, as_floats

LIT = 0.06  # darker edges belong to no picture
MIDDLE = slice(22, 42)  # columns among which the midline lies
UPPER = slice(12, 34)  # rows of the upper chest
HEART = slice(20, 40)  # rows of the heart, most of them above the liver
SPINE_PX = 3  # half its width
LUNG_PX = (8, 20)  # where the lungs lie beside the midline
HEART_PX = (0, 21)  # where the heart lies beside the middle of the picture

FINDINGS = {
    "right_lung": ((LEAST,), "no right lung"),
    "left_lung": ((LEAST,), "no left lung"),
    "lung_difference": ((MOST,), "lungs too unlike"),
    "heart_side": ((LEAST,), "heart not on the left"),
    "midline_offset": ((MOST,), "spine not in the middle"),
}
"""Per finding, which limits it has, and what a picture beyond one is refused for."""


def findings(picture: Pictures, asked: Mapping[str, str]) -> dict[str, float]:
    """Measure one radiograph.

    Parameters
    ----------
    picture : (h, w, 3) uint8
    asked : mapping
        Nothing that is asked for changes what is measured.
    """
    grey = as_floats(lit(picture)).mean(2)
    level = (grey - grey.mean()) / max(float(grey.std()), 1e-3)
    columns = ndimage.gaussian_filter1d(level[UPPER].mean(0), SPINE_PX)
    middle = MIDDLE.start + int(columns[MIDDLE].argmax())
    spine = float(level[UPPER, middle - SPINE_PX : middle + SPINE_PX + 1].mean())
    right, left = (spine - zone for zone in _beside(level[UPPER], middle, LUNG_PX))
    heart = _beside(level[HEART], SIDE_PX // 2, HEART_PX)
    return {
        "right_lung": right,
        "left_lung": left,
        "lung_difference": abs(right - left),
        "heart_side": heart[1] - heart[0],
        "midline_offset": abs(middle - (SIDE_PX - 1) / 2) / SIDE_PX,
    }


def lit(picture: Pictures) -> Pictures:
    """Return the picture without its dark edges; all of it where nothing is lit."""
    bright = picture.mean(2) > LIT * 255
    rows, columns = (np.flatnonzero(bright.mean(axis) > 0.1) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return picture
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _beside(level: Floats, middle: int, reach: tuple[int, int]) -> tuple[float, float]:
    """Return the mean level on the patient's right (the picture's left) and on the left of the midline."""
    near, far = reach
    right, left = (
        level[:, middle - far : middle - near],
        level[:, middle + near + 1 : middle + far + 1],
    )
    return float(right.mean()), float(left.mean())
