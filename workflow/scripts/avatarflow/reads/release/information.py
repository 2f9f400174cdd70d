"""What one more human fragment tells about its donor, in bits, and what many tell together at most.

With G the donor's genotype and R_1..R_n fragments that are independent given G, I(G; R_1..R_n) <= sum I(G; R_i):
fragments counted one by one, linkage inside a fragment kept and between fragments ignored, bound what they tell
together on average over donors (Cover and Thomas 2006, Elements of Information Theory, chapter 2).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Floats
from avatarflow.reads.risk.genetic_map import GeneticMap
from avatarflow.reads.risk.linked import Loci
from avatarflow.reads.risk.panel import Panel
from avatarflow.reads.risk.replay import Places, replayed

FRAGMENTS = 400  # looked at per donor
DONORS = 60
DRAWS = 4000
EXACT = 2000  # fragments up to which sums are drawn one by one


@dataclass(frozen=True)
class Information:
    """Bits that fragments tell: (donors, fragments), the fragments of a donor drawn at random places."""

    bits: Floats

    @property
    def mean(self) -> float:
        """Expected bits of one fragment."""
        return float(self.bits.mean())

    def upper(self, fragments: int, alpha: float, random: np.random.Generator) -> float:
        """Bits that so many fragments of one donor exceed with a chance of about `alpha`, over donors and fragments."""
        if fragments <= 0:
            return 0.0
        donors = random.integers(0, len(self.bits), DRAWS)
        if fragments <= EXACT:
            sums = np.zeros(DRAWS)
            for start in range(0, fragments, 100):
                chosen = random.integers(
                    0, self.bits.shape[1], (DRAWS, min(100, fragments - start))
                )
                sums += self.bits[donors[:, None], chosen].sum(1)
        else:
            mean, spread = self.bits.mean(1), self.bits.std(1)
            noise = random.standard_normal(DRAWS)
            sums = mean[donors] * fragments + spread[donors] * np.sqrt(fragments) * noise
        return float(max(np.quantile(sums, 1 - alpha), 0.0))


def from_panel(
    panel: Panel, donors: npt.NDArray[np.int64], layout: "Layout", random: np.random.Generator
) -> Information:
    """Of donors of a panel, each against everybody else in it."""
    rows = [bits_of(panel, int(donor), layout, random) for donor in donors]
    return Information(np.stack(rows))


@dataclass(frozen=True)
class Layout:
    """How the user's fragments are read: bases per read, one or two reads, their lengths, error per base."""

    length_bp: int
    paired: bool
    fragment_mean_bp: float
    fragment_sd_bp: float
    error: float
    whole: bool = (
        False  # nanopore: a fragment is read from end to end, and `length_bp` says nothing
    )

    def bases(self, random: np.random.Generator, fragments: int) -> Floats:
        """Bases of the genome that the reads of fragments cover, (fragments,)."""
        size = self.fragment_mean_bp + self.fragment_sd_bp * random.standard_normal(fragments)
        if self.whole:
            return np.asarray(np.maximum(size, 1.0))
        read = self.length_bp * (2 if self.paired else 1)
        return np.asarray(np.minimum(read, np.maximum(size, self.length_bp)))

    def places(self, random: np.random.Generator, panel: Panel, fragments: int) -> Places:
        """Fragments at random places of the panel."""
        least = 1 if self.whole else self.length_bp
        drawn = Places.uniform(
            random, panel, fragments, least, self.fragment_mean_bp, self.fragment_sd_bp
        )
        length = int((drawn.end - drawn.start).max(initial=1)) if self.whole else self.length_bp
        return Places(drawn.contig, drawn.start, drawn.end, length, self.paired)


def bits_of(panel: Panel, donor: int, layout: Layout, random: np.random.Generator) -> Floats:
    """Bits of `FRAGMENTS` fragments of one person at random places of the panel, (FRAGMENTS,), each for itself.

    log2 of P(fragment | the person's two haplotypes) / P(fragment | a haplotype of somebody else, copied with errors).
    """
    observed = replayed(random, panel, layout.places(random, panel, FRAGMENTS), donor, layout.error)
    bits = np.zeros(FRAGMENTS)
    if not len(observed):
        return bits
    others = np.setdiff1d(np.arange(len(panel.people)), [donor])
    loci = Loci.of(observed, panel, GeneticMap.constant(), 2 * len(others))
    own = loci.of_each(donor)
    bits[: len(own)] = (own - loci.of_others(others)) / np.log(2)
    return bits


def from_spectrum(
    diversity: float,
    people: int,
    layout: Layout,
    random: np.random.Generator,
    fragments: int = 20_000,
) -> Information:
    """Of anybody, where no frequencies are known: sites and frequencies as a population of constant size has them.

    A base is a site with chance diversity x (1 / p) dp at frequency p of the derived allele, 1 / (2 people) < p < 1;
    genotypes are Hardy-Weinberg's, a read shows one of the two alleles, and sites of a fragment count as independent.

    Parameters
    ----------
    diversity : float
        Chance that two haplotypes differ at a base.
    people : int
        In the population: sets how rare an allele can be.
    layout : Layout
    random : Generator
    fragments : int

    References
    ----------
    Watterson 1975, Theoretical Population Biology 7:256; Fu 1995, ibid. 48:172 (the spectrum).
    """
    rarest = 1 / (2 * people)
    sites = random.poisson(
        diversity * layout.bases(random, fragments) * np.log((1 - rarest) / rarest)
    )
    p = rarest * ((1 - rarest) / rarest) ** random.random(int(sites.sum()))  # density 1 / p
    alleles = random.random((len(p), 2)) < p[:, None]
    shown = alleles[np.arange(len(p)), random.integers(0, 2, len(p))]
    carried = np.where(shown, alleles.sum(1), 2 - alleles.sum(1)) / 2
    bits = np.log2(carried / np.where(shown, p, 1 - p))
    total = np.zeros(fragments)
    np.add.at(total, np.repeat(np.arange(fragments), sites), bits)
    return Information(total[None])
