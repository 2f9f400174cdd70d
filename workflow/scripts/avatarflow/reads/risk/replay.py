"""Fragments of any person of a panel as observations: what somebody else's reads from the same places would show."""

from dataclasses import dataclass

import numpy as np

from avatarflow.core.arrays import Integers

from .observations import Observations
from .panel import Panel


@dataclass(frozen=True)
class Places:
    """Where n fragments lie on the reference: `contig` number, `start`, `end` (0-based, half-open).

    `length` bases of each end are read; with `paired` False only the left one.
    """

    contig: Integers
    start: Integers
    end: Integers
    length: int
    paired: bool = True

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def uniform(
        cls,
        random: np.random.Generator,
        panel: Panel,
        count: int,
        length: int,
        mean_bp: float,
        sd_bp: float,
    ) -> "Places":
        """Paired fragments drawn evenly over the panel's spans, with normally distributed lengths."""
        spans = panel.spans()
        contigs, firsts = np.array([*spans]), np.array([span[0] for span in spans.values()])
        sizes = np.array([span[1] - span[0] for span in spans.values()])
        which = random.choice(len(contigs), count, p=sizes / sizes.sum())
        size = np.maximum(
            np.rint(mean_bp + sd_bp * random.standard_normal(count)).astype(np.int64), length
        )
        start = firsts[which] + (random.random(count) * np.maximum(sizes[which] - size, 1)).astype(
            np.int64
        )
        return cls(contigs[which], start, start + size, length)

    def sites(self, panel: Panel) -> tuple[Integers, Integers]:
        """Every (fragment, site) that is read."""
        fragments, sites = [], []
        for number in np.unique(panel.contig):
            own = np.flatnonzero(panel.contig == number)
            here = np.flatnonzero(self.contig == number)
            reads = [(self.start[here], np.minimum(self.start[here] + self.length, self.end[here]))]
            if self.paired:  # the right mate, without what the left one has read already
                reads.append(
                    (np.maximum(self.end[here] - self.length, reads[0][1]), self.end[here])
                )
            for first, last in reads:
                low, high = (
                    np.searchsorted(panel.position[own], first),
                    np.searchsorted(panel.position[own], last),
                )
                count = np.maximum(high - low, 0)
                fragments.append(np.repeat(here, count))
                steps = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
                sites.append(own[np.repeat(low, count) + steps])
        return np.concatenate(fragments), np.concatenate(sites)


def replayed(
    random: np.random.Generator, panel: Panel, places: Places, person: int, error: float
) -> Observations:
    """Reads of one person of the panel from these places: each fragment from one haplotype, each base wrong by chance.

    Parameters
    ----------
    random : Generator
    panel : Panel
    places : Places
    person : int
    error : float
        Chance of a wrong base; the three others are equally likely then.
    """
    fragment, site = places.sites(panel)
    haplotype = random.integers(0, 2, len(places))[fragment]
    allele = panel.alleles[site, person, haplotype]
    base = np.where(allele == 1, panel.alt[site], panel.ref[site])
    wrong = random.random(len(site)) < error
    base = np.where(wrong, (base + random.integers(1, 4, len(site))) % 4, base).astype(np.uint8)
    return Observations.of(fragment, site, base, np.full(len(site), max(error, 1e-6)))
