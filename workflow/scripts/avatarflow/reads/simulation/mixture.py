"""Who a fragment comes from: the host's share, the microbes by their weights, spiked-in fragments by their number."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Integers
from avatarflow.core.errors import refuse
from avatarflow.core.seeds import generator

HOST = "human"
JUNK = "junk"  # of no genome: neither human nor microbial
DRAWN = -1  # the source of a fragment that is drawn by the shares


def _none() -> Integers:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Mixture:
    """Sources of fragments (`taxa[0]` is the host) and their shares, which sum to 1.

    `spiked` (k,): sorted numbers of the fragments whose source is settled, `spiked_source` (k,) which one.
    """

    taxa: tuple[str, ...]
    shares: tuple[float, ...]
    spiked: Integers = field(default_factory=_none)
    spiked_source: Integers = field(default_factory=_none)

    @classmethod
    def of(cls, host_share: float, weights: Mapping[str, float]) -> "Mixture":
        """The host takes `host_share`; the microbes share the rest by weight, in the order given."""
        total = sum(weights.values())
        rest = [(1 - host_share) * weight / total if total else 0.0 for weight in weights.values()]
        return cls((HOST, *weights), (host_share if total else 1.0, *rest))

    def table(self) -> pd.DataFrame:
        """The composition: `taxon`, `share`."""
        return pd.DataFrame({"taxon": self.taxa, "share": self.shares})

    def with_spikes(
        self, counts: Mapping[str, int], drawn: int, seed: int, donor: int
    ) -> "Mixture":
        """The mixture with so many fragments of each taxon settled, anywhere among all of them.

        Parameters
        ----------
        counts : mapping
            Taxon (`human` for the host) to fragments.
        drawn : int
            Fragments that are drawn by the shares, beside these.
        seed : int
            Of fragments.
        donor : int

        Raises
        ------
        AvatarflowError
            If a taxon is not of the mixture.
        """
        if unknown := sorted(set(counts) - set(self.taxa)):
            raise refuse(
                "spike_ins", f"unknown {', '.join(unknown)}", f"take some of {', '.join(self.taxa)}"
            )
        sources = np.repeat(
            [self.taxa.index(taxon) for taxon in counts], [*counts.values()]
        ).astype(np.int64)
        chosen = generator(seed, "spike-ins", donor).choice(
            drawn + len(sources), len(sources), replace=False
        )
        order = np.argsort(chosen)
        return replace(self, spiked=chosen[order].astype(np.int64), spiked_source=sources[order])

    def settled(self, first: int, count: int) -> Integers:
        """The source of each of the fragments first .. first + count - 1, `DRAWN` where the shares decide, (count,)."""
        out = np.full(count, DRAWN, np.int64)
        low, high = np.searchsorted(self.spiked, [first, first + count])
        out[self.spiked[low:high] - first] = self.spiked_source[low:high]
        return out
