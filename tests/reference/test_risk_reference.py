"""Ratios of residual reads against the slow reference."""

import itertools
import math

import numpy as np
import pytest
import risk_reference as slow

from avatarflow.reads.risk.genetic_map import GeneticMap
from avatarflow.reads.risk.linked import Loci
from avatarflow.reads.risk.observations import Observations
from avatarflow.reads.risk.panel import Panel
from avatarflow.reads.risk.unlinked import excluding, genotype_likelihoods, likelihood_ratios


def panel_of(alleles, distance=1_000_000):
    sites = len(alleles)
    zeros = np.zeros(sites, np.int64)
    return Panel(
        tuple(f"p{i}" for i in range(alleles.shape[1])), ("1",), zeros, np.arange(sites) * distance,
        zeros.astype(np.uint8), np.full(sites, 2, np.uint8), alleles.astype(np.uint8),
        np.ones(alleles.shape[1], bool),
    )  # fmt: skip


def draw(random, sites, people, fragments):
    panel = panel_of(random.integers(0, 2, (sites, people, 2)))
    fragment = np.repeat(np.arange(fragments), 2)
    site = np.sort(random.integers(0, sites, len(fragment)))
    base = random.choice([0, 2, 3], len(site), p=[0.45, 0.45, 0.1]).astype(np.uint8)
    return panel, Observations.of(fragment, site, base, random.uniform(0.001, 0.2, len(site)))


@pytest.mark.parametrize("theta", [0.0, 0.02, 0.3])
def test_unlinked_ratios(theta):
    random = np.random.default_rng(3)
    panel, observed = draw(random, 6, 5, 12)
    sites, table = genotype_likelihoods(observed, panel)
    genotypes = panel.genotypes[sites]
    p = excluding(genotypes, [1])
    found = likelihood_ratios(table, genotypes, p, theta)
    at = {int(site): row for row, site in enumerate(sites)}
    seen = zip(observed.site, observed.base, observed.error, strict=True)
    rows = [(at[int(site)], int(base), 0, 2, float(error)) for site, base, error in seen]
    for person in range(5):
        assert found[person] == pytest.approx(
            slow.match(rows, genotypes[:, person], p[:, person], theta), abs=1e-9
        )


def test_mosaic_sums_over_every_pair_of_paths():
    random = np.random.default_rng(4)
    panel, observed = draw(random, 7, 2, 4)
    loci = Loci.of(observed, panel, GeneticMap.constant(), 4)
    fragments = [
        [(int(s), int(b), 0, 2, float(e)) for f, s, b, e in
         zip(observed.fragment, observed.site, observed.base, observed.error, strict=True) if f == name]
        for name in np.unique(observed.fragment)
    ]  # fmt: skip
    haplotypes = panel.alleles.reshape(7, 4).T
    first = [rows[0][0] for rows in fragments]
    size = 30.0
    switch = [1 - math.exp(-4 * size * (b - a) * 0.01 / 4) for a, b in itertools.pairwise(first)]
    assert 0.05 < max(switch) < 0.99
    expected = math.log(slow.mosaic(fragments, haplotypes, switch, 1 / 5))
    assert loci.of_anybody(np.arange(2), size) == pytest.approx(expected, abs=1e-9)
