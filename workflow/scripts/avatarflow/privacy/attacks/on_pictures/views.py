"""How an attacker without the cone's fingerprints sees a picture: small, and against what released pictures share."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from avatarflow.core.arrays import Floats, Rows
from avatarflow.core.errors import refuse
from avatarflow.imaging.spool import Stored
from avatarflow.privacy.search.neighbours import unit

SIDE = 16
FLOOR = 1.0  # grey levels: a cell that never changes must not count without end


@dataclass(frozen=True)
class Pixels:
    """Cells of 16 x 16 shrunken pictures, each brought to zero mean and unit spread over the released pictures."""

    mean: Floats
    spread: Floats

    @classmethod
    def fit(cls, released: Stored) -> "Pixels":
        """From the released pictures, which every attacker has."""
        if not len(released):
            raise refuse("attack", "no released picture", "attack a set that is not empty")
        cells = shrink(released)
        return cls(cells.mean(0), np.maximum(cells.std(0), FLOOR))

    def rows(self, pictures: Stored) -> Rows:
        """(n, d) float32 unit rows; the inner product of two is their correlation."""
        rows = (shrink(pictures) - self.mean) / self.spread
        empty = (
            np.linalg.norm(rows, axis=1) < 1e-9
        )  # exactly the mean picture: any direction will do
        rows[empty, 0] = 1.0
        return unit(rows.astype(np.float32))


def shrink(pictures: Stored) -> npt.NDArray[np.float64]:
    """(n, 768) mean grey levels of 16 x 16 cells in three colours; pictures on disk are read one by one."""
    small = [
        np.asarray(Image.fromarray(each).resize((SIDE, SIDE), Image.Resampling.BOX))
        for each in pictures
    ]
    return np.stack(small).reshape(len(pictures), -1).astype(np.float64)
