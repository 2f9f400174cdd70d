"""Ratios of residual reads: known values, invariances, honesty where nobody is the donor."""

import math

import numpy as np
import pytest
from exceedances import exceedances

from avatarflow.core.outcomes import FAIL, INCONCLUSIVE, PASS
from avatarflow.reads.risk.genetic_map import GeneticMap
from avatarflow.reads.risk.identity import (
    anonymity_set,
    bits,
    bits_to_single_out,
    posterior,
    rank,
    sex_ratio,
)
from avatarflow.reads.risk.match import Model, ratios_of, unlinked_ratios, variability
from avatarflow.reads.risk.observations import Observations
from avatarflow.reads.risk.panel import Panel
from avatarflow.reads.risk.replay import Places, replayed
from avatarflow.reads.risk.unlinked import (
    clipped_frequencies,
    excluding,
    genotype_prior,
    likelihood_ratios,
    thinned,
)

A, C, G, T = range(4)


def made_panel(alleles, spacing=5_000_000):
    sites, people = alleles.shape[:2]
    zeros = np.zeros(sites, np.int64)
    place = np.arange(sites) * spacing
    names = tuple(f"p{i}" for i in range(people))
    return Panel(
        names, ("1",), zeros, place, np.full(sites, A, np.uint8), np.full(sites, G, np.uint8),
        alleles.astype(np.uint8), np.ones(people, bool),
    )  # fmt: skip


def unlinked_panel(sites=400, people=40, seed=1):
    random = np.random.default_rng(seed)
    p = random.uniform(0.1, 0.9, sites)
    return made_panel(random.random((sites, people, 2)) < p[:, None, None])


def rows(*seen, error=0.01):
    fragment, site, base = (np.array(column) for column in zip(*seen, strict=True))
    return Observations.of(fragment, site, base.astype(np.uint8), np.full(len(site), error))


@pytest.mark.parametrize(
    ("base", "genotype", "expected"),
    [
        # p = 1/2: anybody shows G with 1/2 (0.99 + 0.01/3); ratios by hand
        (G, 2, math.log(0.99 / (0.5 * (0.99 + 0.01 / 3)))),
        (G, 1, 0.0),
        (G, 0, math.log((0.01 / 3) / (0.5 * (0.99 + 0.01 / 3)))),
        (A, 0, math.log(0.99 / (0.5 * (0.99 + 0.01 / 3)))),
        (T, 2, 0.0),  # neither allele: tells nothing
    ],
)
def test_one_read_by_hand(base, genotype, expected):
    error = 0.01
    each = [1 - error if base == allele else error / 3 for allele in (A, G)]
    table = np.log([[each[0], (each[0] + each[1]) / 2, each[1]]])
    found = likelihood_ratios(table, np.array([[genotype]], np.uint8), np.array([[0.5]]), 0.0)
    assert found[0] == pytest.approx(expected, abs=1e-12)


def test_balding_nichols_known_values():
    p, theta = np.array([0.2]), 0.03
    seen = np.array([2], np.uint8)
    prior = genotype_prior(p, theta, seen)[0]
    homozygous = (
        (2 * theta + (1 - theta) * 0.2)
        * (3 * theta + (1 - theta) * 0.2)
        / ((1 + theta) * (1 + 2 * theta))
    )
    assert prior[2] == pytest.approx(homozygous)
    het = genotype_prior(p, theta, np.array([1], np.uint8))[0][1]
    expected = (
        2
        * (theta + (1 - theta) * 0.2)
        * (theta + (1 - theta) * 0.8)
        / ((1 + theta) * (1 + 2 * theta))
    )
    assert het == pytest.approx(expected)
    assert genotype_prior(p, 0.0, seen)[0] == pytest.approx([0.64, 0.32, 0.04])
    for value in (prior, genotype_prior(p, 0.1)[0]):
        assert value.sum() == pytest.approx(1)


def test_frequencies_leave_out_donor_and_candidate_and_are_clipped():
    genotypes = np.array([[2, 2, 0, 0], [2, 0, 0, 0]], np.uint8)
    p = excluding(genotypes, [0])
    # candidate 1 without itself: 0 clipped to 1/5
    assert p[0].tolist() == pytest.approx([2 / 6, 1 / 5, 2 / 4, 2 / 4])
    assert p[1].tolist() == pytest.approx([1 / 7, 1 / 5, 1 / 5, 1 / 5])
    assert clipped_frequencies(np.array([0, 4]), 4).tolist() == pytest.approx([0.2, 0.8])


def test_kin_by_hand():
    table = np.log([[0.9, 0.5, 0.1]])
    genotype, p = np.array([[2]], np.uint8), np.array([[0.25]])
    anybody = 0.5625 * 0.9 + 0.375 * 0.5 + 0.0625 * 0.1
    shared = 0.75 * 0.5 + 0.25 * 0.1
    parent = likelihood_ratios(table, genotype, p, 0.0, "parent")[0]
    sibling = likelihood_ratios(table, genotype, p, 0.0, "sibling")[0]
    assert parent == pytest.approx(math.log(shared / anybody))
    assert sibling == pytest.approx(
        math.log((0.25 * anybody + 0.5 * shared + 0.25 * 0.1) / anybody)
    )


def test_mates_that_disagree_count_for_nothing_and_one_site_stays_per_fragment():
    observed = rows(
        (0, 3, A), (0, 3, G), (0, 5, A), (1, 3, G), (1, 3, G), (1, 4, 4), (2, 1, A), (2, 0, C)
    )
    assert list(zip(observed.fragment, observed.site, observed.base, strict=True)) == [
        (0, 5, A), (1, 3, G), (2, 0, C), (2, 1, A),
    ]  # fmt: skip
    one = observed.one_per_fragment(np.array([0.1, 0.5, 0, 0, 0, 0]))
    assert one.site.tolist() == [5, 3, 1]
    assert observed.one_per_fragment(np.ones(6)).site.tolist() == [5, 3, 0]


def all_ratios(panel, observed, donor=2):
    ratios = ratios_of(observed, panel, donor, Model(theta=0.01), GeneticMap.constant())
    return np.stack([ratios.product, ratios.thinned, ratios.linked])


def test_order_of_reads_and_names_of_alleles_do_not_matter():
    panel = unlinked_panel(60, 12)
    random = np.random.default_rng(2)
    fragment, site = np.repeat(np.arange(30), 2), random.integers(0, 60, 60)
    base, error = (
        random.choice([A, G, T], 60, p=[0.45, 0.45, 0.1]).astype(np.uint8),
        random.uniform(0.001, 0.1, 60),
    )
    before = all_ratios(panel, Observations.of(fragment, site, base, error))
    order = random.permutation(60)
    shuffled = Observations.of(fragment[order], site[order], base[order], error[order])
    assert all_ratios(panel, shuffled) == pytest.approx(before, abs=1e-9)
    swapped = Panel(
        panel.people,
        panel.contigs,
        panel.contig,
        panel.position,
        panel.alt,
        panel.ref,
        1 - panel.alleles,
        panel.phased,
    )
    assert all_ratios(swapped, Observations.of(fragment, site, base, error)) == pytest.approx(
        before, abs=1e-9
    )
    turned = Panel(
        panel.people, panel.contigs, panel.contig, panel.position[-1] - panel.position[::-1], panel.ref, panel.alt,
        panel.alleles[::-1], panel.phased,
    )  # fmt: skip
    one = Observations.of(fragment[::2], site[::2], base[::2], error[::2])
    mirrored = Observations.of(fragment[::2], 59 - site[::2], base[::2], error[::2])
    assert all_ratios(turned, mirrored)[2] == pytest.approx(all_ratios(panel, one)[2], abs=1e-9)


def test_thinning_keeps_the_weightier_of_linked_sites_and_every_contig_apart():
    alleles = np.random.default_rng(5).random((4, 200, 2)) < 0.4
    alleles[1] = alleles[0]
    panel = made_panel(alleles)
    kept = thinned(panel, np.arange(4), np.array([0.1, 0.4, 0.2, 0.3]), 0.1)
    assert kept.tolist() == [False, True, True, True]
    apart = Panel(
        panel.people, ("1", "2"), np.array([0, 1, 1, 1]), panel.position, panel.ref, panel.alt, panel.alleles,
        panel.phased,
    )  # fmt: skip
    assert thinned(apart, np.arange(4), np.array([0.1, 0.4, 0.2, 0.3]), 0.1).all()


def test_nobody_but_the_donor_is_found_and_the_null_keeps_its_promise():
    panel = unlinked_panel(600, 80)
    table, attainable, first = [], [], 0
    for donor in range(40):
        random = np.random.default_rng(donor)
        site = random.choice(600, 40, replace=False)
        allele = panel.alleles[site, donor, random.integers(0, 2, 40)]
        base = np.where(allele == 1, G, A)
        observed = Observations.of(np.arange(40), site, base.astype(np.uint8), np.full(40, 0.01))
        observed, small = observed.on(panel)
        ratios, most = unlinked_ratios(observed, small, [donor], 0.0)
        first += rank(ratios, donor) == 1
        ratios[donor] = np.nan
        table.append(ratios)
        attainable.append(most)
    assert first >= 30
    results = exceedances(np.stack(table), (10, 100), np.array(attainable), 200, 1)
    assert [each.result for each in results] != [FAIL, FAIL]
    assert results[0].figure.n == 40 * 79
    assert results[0].figure.low <= 0.1


def test_the_mean_ratio_of_people_who_are_not_the_donor_is_one():
    panel = unlinked_panel(600, 80)
    found = []
    for donor in range(80):
        random = np.random.default_rng(donor)
        places = Places(np.zeros(3, np.int64), panel.position[(at := random.choice(600, 3, replace=False))],
                        panel.position[at] + 10, 10, paired=False)  # fmt: skip
        observed, small = replayed(random, panel, places, donor, 0.01).on(panel)
        ratios, _ = unlinked_ratios(observed, small, [donor], 0.0)
        found.append(np.delete(ratios, donor))
    assert np.exp(np.stack(found)).mean() == pytest.approx(1, abs=0.03)


def test_the_result_of_a_null_distribution():
    random = np.random.default_rng(0)
    honest = np.log(random.uniform(0.1, 3, (60, 60)))
    reachable = np.full(60, 20.0)
    assert exceedances(honest, (10,), reachable, 200, 1)[0].result == PASS
    assert exceedances(honest + 3, (10,), reachable, 200, 1)[0].result == FAIL
    # 3,600 pairs allow 3.6
    assert exceedances(honest, (1000,), reachable, 200, 1)[0].result == INCONCLUSIVE
    # no candidate could reach 10
    assert exceedances(honest, (10,), np.full(60, 1.0), 200, 1)[0].result == INCONCLUSIVE
    assert (
        exceedances(np.full((3, 3), np.nan), (10,), np.full(3, 9.0), 50, 1)[0].result
        == INCONCLUSIVE
    )


def test_places_read_both_ends_once():
    panel = made_panel(np.zeros((10, 2, 2)), spacing=10)
    places = Places(np.array([0, 0]), np.array([5, 30]), np.array([75, 45]), 20)
    fragment, site = places.sites(panel)
    assert sorted(zip(fragment.tolist(), site.tolist(), strict=True)) == [
        (0, 1),
        (0, 2),
        (0, 6),
        (0, 7),
        (1, 3),
        (1, 4),
    ]
    assert variability(panel, []).tolist() == [0] * 10
    observed = replayed(np.random.default_rng(1), panel, places, 0, 0.0)
    assert set(observed.base.tolist()) == {A}


def test_what_a_ratio_means():
    assert bits(math.log(8)) == pytest.approx(3)
    assert posterior(math.log(99), 100) == pytest.approx(0.5)
    assert posterior(0.0, 1) == 1
    assert posterior(5000.0, 10**9) == pytest.approx(1)
    assert anonymity_set(math.log(10), 1000) == pytest.approx(100)
    assert anonymity_set(-5.0, 1000) == 1000
    assert anonymity_set(900.0, 1000) == 1
    assert posterior(bits_to_single_out(10**6) * math.log(2), 10**6) == pytest.approx(0.95)
    assert rank(np.array([1.0, 2.0, 2.0, 0.5]), 1) == 2


def test_sex_from_y_fragments():
    assert sex_ratio(0, 1000, 0.01, 1e-4) < -9
    assert sex_ratio(10, 1000, 0.01, 1e-4) > 30
    assert sex_ratio(0, 0, 0.01, 1e-4) == 0
