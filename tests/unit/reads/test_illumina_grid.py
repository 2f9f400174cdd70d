"""The two knobs are independent: over a whole grid, rates are as asked, fragments are equal, and events stay put."""

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from avatarflow.reads.donors.haplotype import haplotype
from avatarflow.reads.donors.variation import Rates, draw_variants
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.simulation.fragments import Layout
from avatarflow.reads.simulation.illumina.errors import read_profile
from avatarflow.reads.simulation.mixture import Mixture
from avatarflow.reads.simulation.simulate import BLOCK, Simulator
from avatarflow.reads.simulation.sources import sources_of

ERRORS, LEVELS = (0.001, 0.01, 0.03, 0.06, 0.10), (0, 0.001, 0.01, 0.05)
LENGTH = 100
HOST, MICROBE = random_genome("chr1", 300_000, 0.41, 0.3, 1), random_genome("m", 50_000, 0.5, 0, 1)
# chance of one false alarm, shared by all cells
FAMILY = 0.01 / (len(ERRORS) * len(LEVELS) + 2 * (len(LEVELS) - 1))


class Cell:
    """Reads of one cell as letters, (fragments, 2, length), and the truth table."""

    def __init__(self, sources, model, error):
        layout, mixture = Layout(LENGTH, 300.0, 40.0), Mixture.of(0.7, {"m": 1.0})
        tables, seeds = model.tables(error), {"fragments": 1, "errors": 1}
        simulator = Simulator(sources, mixture, layout, tables, seeds, "donor")
        one, two, _, table = simulator.block(0, BLOCK)
        mates = [
            np.frombuffer(text, np.uint8).reshape(BLOCK, -1)[:, 12 : 12 + LENGTH]
            for text in (one, two)
        ]
        self.letters, self.truth = np.stack(mates, 1).copy(), table.to_pandas()


@pytest.fixture(scope="module", params=[0.0, 0.2], ids=["SNPs", "with indels"])
def grid(request, root):
    """Every cell; error 0 is the template that the others are compared with."""
    model = read_profile(root / "resources" / "error_profiles" / "illumina.tsv", LENGTH)
    rates, cells, people = Rates(indel_share=request.param), {}, {}
    for level in LEVELS:
        people[level] = draw_variants(HOST, level, rates, 1, "donor")
        sources = sources_of(HOST, people[level], {}, {"m": MICROBE})
        cells |= {(error, level): Cell(sources, model, error) for error in (0, *ERRORS)}
    return cells, people


def wrong(cells, error, level):
    return cells[error, level].letters != cells[0, level].letters


def inside(hits, trials, rate):
    low, high = binom.interval(1 - FAMILY, trials, rate)
    return low <= hits <= high


def test_realised_error_rates_lie_in_their_binomial_intervals(grid):
    for level in LEVELS:
        for error in ERRORS:
            mask = wrong(grid[0], error, level)
            assert inside(mask.sum(), mask.size, error), (error, level)
            assert mask.sum() == grid[0][error, level].truth["substitutions"].sum()


def test_realised_variation_lies_in_its_binomial_interval(grid):
    cells, people = grid
    if (people[0.05]["ref"].str.len() != people[0.05]["alt"].str.len()).any():
        pytest.skip("overlapping indels are thinned: the level is exact for SNPs alone")
    for level in LEVELS[1:]:
        for allele in ("allele1", "allele2"):
            changed = (haplotype(HOST, people[level], allele).genome.codes != HOST.codes).sum()
            assert inside(changed, len(HOST.codes), level), (level, allele)
    assert cells[0, 0].truth["variants"].sum() == 0


def test_fragments_are_identical(grid):
    places = ["fragment", "taxon", "contig", "haplotype", "start", "end", "strand", "part"]
    first = grid[0][0, 0].truth[places]
    for cell in grid[0].values():
        assert cell.truth[places].equals(first)


def test_errors_stay_where_they_are_when_either_knob_moves(grid):
    cells, _ = grid
    for level in LEVELS:
        for low, high in itertools.pairwise(ERRORS):
            few, many = wrong(cells, low, level), wrong(cells, high, level)
            assert few.any()
            assert (many | ~few).all()
            assert (cells[low, level].letters[few] == cells[high, level].letters[few]).all()
    for error in ERRORS:
        assert all((wrong(cells, error, level) == wrong(cells, error, 0)).all() for level in LEVELS)


def test_variants_stay_where_they_are_when_errors_move(grid):
    for level in LEVELS:
        seen = [tuple(grid[0][error, level].truth["variants"]) for error in (0, 0.001)]
        kept = np.mean(np.array(seen[0]) == np.array(seen[1]))
        assert kept > 0.95  # an error right on a variant hides it
