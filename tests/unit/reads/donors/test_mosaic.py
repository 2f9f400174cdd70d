"""Donors who are mosaics of a panel, and what their reads tell."""

import itertools
import shutil
import subprocess

import numpy as np
import pytest

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.donors.coalescent import panel_files, simulate_panel
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.mosaic import Mosaic
from avatarflow.reads.donors.panel import origins, panel_variants
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import Genome, cut, read_fasta, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.risk.donors import read_donors, with_mosaic
from avatarflow.reads.risk.genetic_map import GeneticMap
from avatarflow.reads.risk.match import Model, ratios_of
from avatarflow.reads.risk.panel import read_panel
from avatarflow.reads.risk.replay import Places, replayed
from avatarflow.runs.context import Step

RATES = {"indel_share": 0.0, "indel_mean_bp": 3.0, "homozygous_share": 0.35, "ti_tv": 2.1}
HISTORY = {"people": 40, "demography": "constant", "effective_size": 10_000, "mutation_rate": 2.5e-8,
           "recombination_rate": 1e-8}  # fmt: skip
LENGTH = 400_000


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mosaic")
    genome = random_genome("a", LENGTH, 0.41, 0.0, 1)
    write_fasta(folder / "host.fa", genome)
    simulate_panel(
        folder / "host.fa", HISTORY, RATES, 3, panel_files(folder / "people"), Step.null()
    )
    path = folder / "people" / "panel.vcf.gz"
    return folder, genome, path, read_panel(path, genome)


def carried(world, table):
    """(sites, 2) alleles of a donor at the panel's sites."""
    *_, panel = world
    row = {int(at): i for i, at in enumerate(panel.position)}
    found = np.zeros((len(panel.position), 2), np.uint8)
    for at, first, second in table[["position", "allele1", "allele2"]].itertuples(index=False):
        found[row[at]] = first, second
    return found


def test_every_allele_is_copied_and_stretches_are_long(world):
    _, genome, path, panel = world
    mosaic = Mosaic(1, "d")
    found = carried(world, panel_variants(path, mosaic, genome)[0])
    copies = [mosaic.at("a", int(at)) for at in panel.position]
    expected = [
        [panel.alleles[i, who, side] for who, side in calls] for i, calls in enumerate(copies)
    ]
    assert (found == expected).all()
    switches = sum(
        one[copy] != two[copy] for one, two in itertools.pairwise(copies) for copy in (0, 1)
    )
    per_bp = 4 * 10_000 * 1e-8 / 80
    assert 0 < switches < 2 * LENGTH * per_bp + 4 * np.sqrt(2 * LENGTH * per_bp)
    people = {who for calls in copies for who, _ in calls}
    assert people <= mosaic.copied("a", 0, LENGTH)
    # nobody of the panel
    assert all((found != panel.alleles[:, person]).any() for person in range(40))


def test_lengths_of_stretches_follow_the_number_of_haplotypes():
    mosaic = Mosaic(5, "d")
    mosaic.settle([f"p{i}" for i in range(50)], "panel")
    mosaic.at("a", 2_000_000_000)
    ends = np.diff([0, *mosaic._paths["a", 0][0]])
    expected = 100 / (4 * 10_000 * 1e-8)
    assert ends.mean() == pytest.approx(expected, abs=4 * expected / np.sqrt(len(ends)))
    assert ends.std() == pytest.approx(expected, rel=0.1)
    assert set(mosaic._paths["a", 0][1]) == set(range(100))


def test_the_path_belongs_to_donor_seed_and_place(world):
    _, genome, path, panel = world
    first, again, other, seeded = (
        carried(world, panel_variants(path, Mosaic(seed, donor), genome)[0])
        for seed, donor in ((1, "d"), (1, "d"), (1, "e"), (2, "d"))
    )
    assert (first == again).all()
    assert (first != other).any()
    assert (first != seeded).any()
    part = cut(genome, "a:100001-300000")
    region = panel_variants(path, Mosaic(1, "d"), part)[0]
    chosen = (panel.position >= 100_000) & (panel.position < 299_999)
    assert len(region) == (first[chosen] > 0).any(1).sum()
    inside = first[np.isin(panel.position, region["position"] + 100_000)]
    assert (region[["allele1", "allele2"]].to_numpy() == inside).all()


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools not found")
def test_bcftools_makes_the_same_haplotypes(world, tmp_path):
    folder, _, path, _ = world
    panel = {"panel": str(path), "sample": None}
    make_individual(
        str(folder / "host.fa"),
        Donor("d", 0.0, Rates.of(RATES), 1, **panel),
        outputs_in(tmp_path / "d"),
        Step.null(),
    )
    for number in (1, 2):
        command = [
            "bcftools",
            "consensus",
            "-f",
            folder / "host.fa",
            "-H",
            str(number),
            tmp_path / "d" / "variants.vcf.gz",
        ]
        (tmp_path / "out.fa").write_bytes(
            subprocess.run(command, check=True, capture_output=True).stdout
        )
        assert (
            read_fasta(tmp_path / "out.fa").codes
            == read_fasta(tmp_path / "d" / f"haplotype{number}.fa").codes
        ).all()


def test_a_mosaic_is_recognised_among_people_it_was_not_copied_from(world):
    _, genome, path, panel = world
    asked = {"sex": None, "panel": {"vcf": str(path), "sample": None, "seed": 1}}
    donor = read_donors({"d": asked}, genome, GeneticMap.constant())["d"]
    mosaic = Mosaic(1, "d")
    mosaic.settle(panel.people, "panel")
    copied = mosaic.copied("a", *panel.spans()[0])
    assert donor.panel.people == (
        *(p for i, p in enumerate(panel.people) if i not in copied),
        "mosaic",
    )
    own = donor.panel.alleles[:, donor.person]
    assert (own == carried(world, panel_variants(path, Mosaic(1, "d"), genome)[0])).all()
    random = np.random.default_rng(1)
    places = Places.uniform(random, donor.panel, 60, 150, 350, 50)
    observed = replayed(random, donor.panel, places, donor.person, 0.001)
    ratios = ratios_of(observed, donor.panel, donor.person, Model(), donor.lengths).linked
    assert ratios.argmax() == donor.person
    assert ratios[donor.person] > 5


def test_a_mosaic_of_most_of_the_panel_is_not_measured(world):
    _, genome, _, panel = world
    few = panel.without([*range(4, 40)])
    long = Genome.of([("a", genome.codes)])
    mosaics = [with_mosaic(few, Mosaic(seed, "d"), origins(long)) for seed in range(30)]
    assert any(one is None for one in mosaics)
    assert all(len(one.people) >= 3 for one in mosaics if one is not None)


def test_refuses_a_mosaic_of_one():
    with pytest.raises(AvatarflowError, match="where a mosaic needs two"):
        Mosaic(1, "d").settle(["p"], "x.vcf")


@pytest.mark.parametrize(
    ("donors", "message"),
    [
        ({"d": {"panel": {"vcf": "x"}}}, "donors.d.panel: neither sample nor mosaic"),
        ({"d": {"panel": {"vcf": "x", "sample": "s", "mosaic": True}}}, "donors.d.panel: both sample and mosaic"),
        ({"d": {"panel": {"vcf": "x", "sample": "s"}, "coalescent": {"person": 1}}}, "donors.d: both panel and coal"),
        ({"d": {"coalescent": {"person": 201}}}, "donors.d.coalescent.person: 201 where there are 200 people"),
        ({"d": {"coalescent": {"person": 2}}, "e": {"coalescent": {"person": 2}}}, "donors.e.coalescent.person: the"),
    ],
)  # fmt: skip
def test_refuses_donors_that_are_two_things_or_none(donors, message):
    with pytest.raises(AvatarflowError, match=message):
        load({"read_benchmarks": {"b": {"donors": donors}}})
