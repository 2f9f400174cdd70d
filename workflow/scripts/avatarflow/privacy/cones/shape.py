"""The settings of the cones' form, and the clipping that every half-angle undergoes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats

ORIGINAL, PICTURE = "original", "picture"

SAME = 1e-6  # radians under which two fingerprints are of one and the same picture

ROUNDING = 1e-9
"""Relative margin of the calibration. An angle computed in another block, or by another processor's code, differs
by some 1e-15; without a margin the perturbation that sets c could be accepted at it."""


@dataclass(frozen=True)
class Shape:
    """The settings of the cones' form.

    Parameters
    ----------
    k : int
        Neighbours of other persons that make the local sparsity.
    beta : float
        Weight of the own radius against the local sparsity, 0 to 1.
    narrowest_rad, widest_rad : float
        Theta_min and Theta_max.
    density : str
        Where the local sparsity is taken: `"original"`, at the original, or `"picture"`, at the picture in question.
    """

    k: int = 10
    beta: float = 0.5
    narrowest_rad: float = float(np.radians(1.0))
    widest_rad: float = float(np.radians(90.0))
    density: str = ORIGINAL

    @classmethod
    def of(cls, settings: dict[str, Any]) -> "Shape":
        """From the config's `cone:` (angles there in degrees)."""
        narrowest, widest = np.radians([settings["narrowest_deg"], settings["widest_deg"]])
        return cls(
            settings["neighbours"],
            settings["beta"],
            float(narrowest),
            float(widest),
            settings["density"],
        )

    def floor(self, radii_rad: Floats) -> Floats:
        """The narrowest that each cone may become: its own radius, within Theta_min and Theta_max."""
        return np.clip(radii_rad, self.narrowest_rad, self.widest_rad)

    def clipped(self, half_angles_rad: Floats, floor_rad: Floats) -> Floats:
        """Half-angles from the floor to Theta_max."""
        return np.minimum(np.maximum(half_angles_rad, floor_rad), self.widest_rad)

    def needed(self, angles_rad: Floats, scales: Floats, floor_rad: Floats) -> Floats:
        """The smallest c at which clipped cones hold pictures at these angles, whose unclipped ones would at `scales`.

        0 where an angle is at most the floor, infinite where it is beyond Theta_max, each with the margin `ROUNDING` on
        the safe side: a picture judged at the returned c is rejected whatever the rounding of its angles.
        """
        inside = np.where(
            angles_rad > self.widest_rad * (1 - ROUNDING), np.inf, scales * (1 + ROUNDING)
        )
        return np.where(angles_rad <= floor_rad * (1 - ROUNDING), 0.0, inside)
