"""A simulated population: frequencies, linkage, a valid panel; donors out of it."""

import shutil
import subprocess

import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.donors.coalescent import (
    ancestry,
    demography,
    panel_files,
    simulate_panel,
    sites_of,
    vcf_lines,
)
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import LETTERS, Genome, N, read_fasta, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.risk.panel import read_panel
from avatarflow.runs.context import Step

CONSTANT = {"people": 20, "demography": "constant", "effective_size": 10_000, "mutation_rate": 2.5e-8,
            "recombination_rate": 1e-8}  # fmt: skip
RATES = {"indel_share": 0.2, "indel_mean_bp": 3.0, "homozygous_share": 0.35, "ti_tv": 2.1}
needs_bcftools = pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools not found")


def blocks(length, contig=0, seed=1, settings=CONSTANT, rates=None, codes=None):
    codes = random_genome("c", length, 0.41, 0.0, 1).codes if codes is None else codes
    trees = ancestry(length, settings, seed, contig)
    return [*sites_of("c", codes, trees, rates or Rates(indel_share=0.0), seed, contig)]


def alleles_of(parts):
    return np.concatenate([alleles for _, alleles in parts])


def test_i_of_n_haplotypes_carry_the_alternative_at_theta_over_i_sites():
    """Fu 1995: E = theta / i; trees of separate contigs are independent, so their spread gives the interval."""
    length, contigs, n = 20_000, 300, 40
    counts = np.array(
        [
            np.bincount(alleles_of(blocks(length, contig)).sum(1), minlength=n + 1)
            for contig in range(contigs)
        ]
    )
    theta = 4 * 10_000 * 2.5e-8 * length
    assert not counts[:, 0].any()
    for first, end in ((1, 2), (2, 3), (3, 5), (5, 10), (10, 20), (20, 40), (40, 41)):
        own = counts[:, first:end].sum(1)
        expected = theta * sum(1 / i for i in range(first, end))
        assert own.mean() == pytest.approx(
            expected, abs=3.5 * own.std() / np.sqrt(contigs) + 0.02 * expected
        )


def test_europeans_have_more_rare_variants_than_a_constant_population():
    def singletons(history):
        settings = {**CONSTANT, "people": 100, "demography": history}
        carriers = np.concatenate(
            [alleles_of(blocks(100_000, c, settings=settings)).sum(1) for c in range(8)]
        )
        return (carriers == 1).mean()

    assert singletons("european") > 1.5 * singletons("constant")
    assert {one.name for one in demography({"demography": "european"}).populations} > {
        "european",
        "african",
        "asian",
    }


def test_linkage_decays_with_distance():
    parts = blocks(1_000_000, settings={**CONSTANT, "people": 50})
    at, alleles = (
        np.concatenate([sites["position"] for sites, _ in parts]),
        alleles_of(parts).astype(float),
    )
    common = np.flatnonzero(np.abs(alleles.mean(1) - 0.5) < 0.4)
    at, r2 = at[common], np.corrcoef(alleles[common]) ** 2
    apart = np.abs(at[:, None] - at[None, :])
    means = [
        r2[(apart > low) & (apart <= high)].mean()
        for low, high in ((0, 1e3), (1e4, 3e4), (3e5, 1e6))
    ]
    assert means[0] > 2 * means[1] > 4 * means[2]
    assert means[2] < 0.05  # 1 / haplotypes and little more


def test_sites_fit_the_reference_and_none_lies_in_unknown_bases():
    codes = random_genome("c", 200_000, 0.41, 0.0, 1).codes.copy()
    codes[:100_000] = N  # whole blocks of sites fall away
    parts = blocks(200_000, rates=Rates.of(RATES), codes=codes)
    text = LETTERS[codes].tobytes().decode()
    free, indels = 0, 0
    for sites, alleles in parts:
        assert alleles.any(1).all()
        assert vcf_lines("c", sites, alleles).count(b"\n") == len(sites)
        for row in sites.itertuples():
            assert text[row.position : row.position + len(row.ref)] == row.ref != row.alt
            assert "N" not in row.ref
            assert row.position >= free
            free, indels = row.position + len(row.ref), indels + (len(row.ref) != len(row.alt))
    total = sum(len(sites) for sites, _ in parts)
    assert 0.12 * total < indels < 0.28 * total


@pytest.fixture(scope="module")
def population(tmp_path_factory):
    folder = tmp_path_factory.mktemp("population")
    genome = Genome.of(
        [
            (name, random_genome(name, size, 0.41, 0.2, 1).codes)
            for name, size in (("a", 90_000), ("b", 40_000))
        ]
    )
    write_fasta(folder / "host.fa", genome)
    simulate_panel(
        folder / "host.fa", CONSTANT, RATES, 3, panel_files(folder / "people"), Step.null()
    )
    donor = {"panel": str(folder / "people" / "panel.vcf.gz"), "sample": "person7"}
    make_individual(
        str(folder / "host.fa"),
        Donor("d", 0.001, Rates.of(RATES), 3, **donor),
        outputs_in(folder / "donor"),
        Step.null(),
    )
    return folder


def sequences(path):
    return {name: codes.tobytes() for name, codes in read_fasta(path).contigs()}


@needs_bcftools
@pytest.mark.parametrize("number", [1, 2])
def test_bcftools_makes_the_donors_haplotypes_from_their_own_vcf(population, number):
    own = population / f"own{number}.fa"
    command = ["bcftools", "consensus", "-f", population / "host.fa", "-H", str(number), "-o", own]
    subprocess.run(
        [*command, population / "donor" / "variants.vcf.gz"], check=True, capture_output=True
    )
    assert sequences(own) == sequences(population / "donor" / f"haplotype{number}.fa")
    assert own.read_bytes() != (population / "host.fa").read_bytes()


@needs_bcftools
def test_bcftools_accepts_every_ref_of_the_panel_and_finds_no_overlap(population):
    panel = population / "people" / "panel.vcf.gz"
    command = [
        "bcftools",
        "norm",
        "--check-ref",
        "e",
        "-f",
        population / "host.fa",
        "-o",
        population / "norm.vcf",
        panel,
    ]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    told = answer.stderr.replace("Lines ", "").split()
    assert int(told[told.index("total/split/realigned/skipped:") + 1].split("/")[0]) > 300
    out = population / "whole.fa"
    command = [
        "bcftools",
        "consensus",
        "-s",
        "person7",
        "-H",
        "1",
        "-f",
        population / "host.fa",
        "-o",
        out,
        panel,
    ]
    assert (
        "overlap" not in subprocess.run(command, check=True, capture_output=True, text=True).stderr
    )


def test_equal_seeds_give_equal_bytes_and_a_contig_more_changes_none_before_it(
    population, tmp_path
):
    genome = read_fasta(population / "host.fa")
    write_fasta(tmp_path / "one.fa", Genome.of([("a", genome.contig(0))]))
    for name, host, seed in (
        ("again", population / "host.fa", 3),
        ("one", tmp_path / "one.fa", 3),
        ("other", population / "host.fa", 4),
    ):
        simulate_panel(host, CONSTANT, RATES, seed, panel_files(tmp_path / name), Step.null())
    first = (population / "people" / "panel.vcf.gz").read_bytes()
    assert (tmp_path / "again" / "panel.vcf.gz").read_bytes() == first
    whole, one, other = (
        read_panel(folder / "panel.vcf.gz", genome)
        for folder in (population / "people", tmp_path / "one", tmp_path / "other")
    )
    own = whole.at(np.flatnonzero(whole.contig == 0))
    assert (own.position.tolist(), own.alleles.tolist()) == (
        one.position.tolist(),
        one.alleles.tolist(),
    )
    assert len(np.intersect1d(whole.position, other.position)) < 0.1 * len(whole.position)
    assert whole.phased.all()


def test_refuses_a_person_who_is_not_there(population, tmp_path):
    donor = {"panel": str(population / "people" / "panel.vcf.gz"), "sample": "person21"}
    with pytest.raises(AvatarflowError, match="the asked sample is not in this panel"):
        make_individual(
            str(population / "host.fa"),
            Donor("d", 0.0, Rates.of(RATES), 3, **donor),
            outputs_in(tmp_path / "x"),
            Step.null(),
        )
    assert not (tmp_path / "x").exists()
