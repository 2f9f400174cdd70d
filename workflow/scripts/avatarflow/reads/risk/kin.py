"""Would the donor's kin be recognised? Relatives are made from the panel's haplotypes."""

import numpy as np

from .identity import bits
from .observations import Observations
from .panel import Panel
from .unlinked import clipped_frequencies, genotype_likelihoods, likelihood_ratios

SHARED = {"parent": (1.0, 0.0), "sibling": (0.5, 0.5)}
"""Chance that a relative carries the donor's first and second haplotype throughout."""

DRAWS = 20  # relatives


def kin_bits(
    observed: Observations,
    panel: Panel,
    donor: int,
    relation: str,
    random: np.random.Generator,
) -> float:
    """Mean bits by which made-up relatives of the donor are recognised as such, over nearly independent sites.

    ASSUME: a haplotype is shared over the whole span or not at all, which short spans of a genome come near to.

    Parameters
    ----------
    observed : Observations
        Thinned, of the panel's sites.
    panel : Panel
    donor : int
    relation : str
        `parent` (parent or child) or `sibling`.
    random : Generator
    """
    sites, table = genotype_likelihoods(observed, panel)
    if not len(sites):
        return 0.0
    alleles = panel.alleles[sites]
    others = np.setdiff1d(np.arange(len(panel.people)), [donor])
    kin = np.empty((len(sites), DRAWS), np.uint8)
    for draw in range(DRAWS):
        unrelated = alleles[:, random.choice(others, 2), random.integers(0, 2, 2)]
        shared = random.random(2) < SHARED[relation]
        kin[:, draw] = np.where(shared, alleles[:, donor], unrelated).sum(1)
    p = clipped_frequencies(alleles[:, others].sum((1, 2), dtype=np.int64), 2 * len(others))
    ratios = likelihood_ratios(table, kin, np.repeat(p[:, None], DRAWS, 1), 0.0, relation)
    return bits(float(ratios.mean()))
