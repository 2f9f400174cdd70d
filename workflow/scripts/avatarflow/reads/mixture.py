"""Who a fragment comes from: the host's share, and the microbes by their weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

HOST = "human"
JUNK = "junk"  # of no genome: neither human nor microbial


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

    def table(self) -> pd.DataFrame:
        """The composition: `taxon`, `share`."""
        return pd.DataFrame({"taxon": self.taxa, "share": self.shares})
