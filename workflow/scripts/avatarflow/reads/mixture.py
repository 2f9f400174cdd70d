"""Who a fragment comes from: the host's share, and the microbes by their weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from .genome import Integers

HOST = "human"


@dataclass(frozen=True)
class Mixture:
    """Sources of fragments (`taxa[0]` is the host) and their shares, which sum to 1."""

    taxa: tuple[str, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, host_share: float, weights: Mapping[str, float]) -> "Mixture":
        """The host takes `host_share`; the microbes share the rest by weight, in the order given."""
        total = sum(weights.values())
        rest = [(1 - host_share) * weight / total for weight in weights.values()]
        return cls((HOST, *weights), (host_share if weights else 1.0, *rest))

    def draw(self, uniform: npt.NDArray[np.float64]) -> Integers:
        """Which source each fragment has, from one uniform number (n,) each: order in the file tells nothing."""
        borders = np.cumsum(self.shares)
        return np.minimum(np.searchsorted(borders, uniform, side="right"), len(self.taxa) - 1).astype(np.int64)

    def table(self) -> pd.DataFrame:
        """The composition: `taxon`, `share`."""
        return pd.DataFrame({"taxon": self.taxa, "share": self.shares})
