"""Variants from rates and from a panel."""

import gzip

import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.donors.individual import Donor, donor_variants, haplotype
from avatarflow.reads.donors.mosaic import Person
from avatarflow.reads.donors.panel import panel_variants
from avatarflow.reads.donors.variation import Rates, draw_variants
from avatarflow.reads.genomes.genome import LETTERS, Genome, N
from avatarflow.reads.genomes.random_genomes import random_genome

GENOME = random_genome("chr1", 200_000, 0.41, 0.2, 1)
SNPS = Rates(indel_share=0.0)


def rows(table):
    return set(
        table[["position", "ref", "alt", "allele1", "allele2"]].itertuples(index=False, name=None)
    )


@pytest.mark.parametrize("level", [0.001, 0.01, 0.05])
def test_one_haplotype_differs_at_the_asked_level(level):
    table = draw_variants(GENOME, level, SNPS, 1, "donor")
    sigma = np.sqrt(level / len(GENOME.codes))
    for allele in ("allele1", "allele2"):
        changed = haplotype(GENOME, table, allele).genome.codes != GENOME.codes
        assert changed.mean() == pytest.approx(level, abs=4 * sigma)


def test_level_zero_has_no_variant():
    assert draw_variants(GENOME, 0.0, Rates(), 1, "donor").empty


def test_variants_of_a_low_level_are_there_unchanged_at_a_higher_one():
    low, high = (rows(draw_variants(GENOME, level, Rates(), 1, "donor")) for level in (0.01, 0.05))
    overlapped = len(low - high) / len(low)
    assert low <= high or overlapped == 0
    assert len(high) > 4 * len(low)


def test_donors_and_seeds_differ():
    base = rows(draw_variants(GENOME, 0.01, Rates(), 1, "a"))
    assert rows(draw_variants(GENOME, 0.01, Rates(), 1, "a")) == base
    assert not rows(draw_variants(GENOME, 0.01, Rates(), 1, "b")) & base > base
    assert len(rows(draw_variants(GENOME, 0.01, Rates(), 2, "a")) & base) < 0.05 * len(base)


def test_refs_match_none_overlap_and_shares_are_as_asked():
    table = draw_variants(GENOME, 0.05, Rates(), 1, "donor")
    text = LETTERS[GENOME.codes].tobytes().decode()
    end = 0
    for row in table.itertuples():
        assert text[row.position : row.position + len(row.ref)] == row.ref
        assert row.position >= end
        end = row.position + len(row.ref)
    snps = table[(table["ref"].str.len() == 1) & (table["alt"].str.len() == 1)]
    transitions = (snps["ref"] + snps["alt"]).isin(["AG", "GA", "CT", "TC"]).mean()
    assert transitions / (1 - transitions) == pytest.approx(2.1, rel=0.1)
    assert ((table["allele1"] & table["allele2"]) == 1).mean() == pytest.approx(0.35, abs=0.02)
    assert 1 - len(snps) / len(table) == pytest.approx(0.1, abs=0.02)


def test_no_variant_in_unknown_bases():
    codes = GENOME.codes[:50_000].copy()
    codes[10_000:30_000] = N
    table = draw_variants(Genome.of([("chr1", codes)]), 0.05, Rates(), 1, "donor")
    assert not table["ref"].str.contains("N").any()
    assert not table["position"].between(10_000, 29_999).any()


def panel(tmp_path, lines, name="panel.vcf"):
    path = tmp_path / name
    head = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tP1\tP2"]
    path.write_text("\n".join([*head, *lines, ""]))
    return path


def record(position, ref=None, alt="", genotypes=("0|1", "1|1"), contig="chr1"):
    base = "ACGTN"[GENOME.codes[position - 1]]
    other = alt or "ACGT"[("ACGT".index(base) + 1) % 4]
    return "\t".join(
        [contig, str(position), ".", ref or base, other, ".", ".", ".", "GT", *genotypes]
    )


def test_panel_person_has_its_own_genotypes_and_rates_stay_outside_the_span(tmp_path):
    path = panel(
        tmp_path,
        [
            record(1000),
            record(5000, genotypes=("0|0", "0|0")),
            record(20_000, genotypes=("1|0", "0|0")),
        ],
    )
    known = {"panel": str(path), "sample": "P1"}
    table, spans = donor_variants(GENOME, Donor("donor", 0.02, Rates(), 1, **known))
    assert spans == {"chr1": (999, 20_000)}
    inside = table[table["part"] == "panel"]
    assert inside[["position", "allele1", "allele2"]].to_numpy().tolist() == [
        [999, 0, 1],
        [19_999, 1, 0],
    ]
    drawn = table[table["part"] == "rates"]
    assert not drawn["position"].between(999, 19_999).any()
    assert len(drawn) > 1000
    assert table["position"].is_monotonic_increasing


def test_panel_positions_are_shifted_into_a_region(tmp_path):
    part = Genome.of([("chr1_501_2000", GENOME.codes[500:2000])])
    table, spans = panel_variants(
        panel(tmp_path, [record(400), record(1000), record(5000)]), Person("P1"), part
    )
    assert table["position"].tolist() == [499]
    assert spans == {"chr1_501_2000": (499, 500)}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (record(1000, ref="N"), "line 3: REF differs"),
        (record(1000, genotypes=("0/1", "0|0")), "line 3: an unphased genotype"),
        (record(1000, genotypes=("0|2", "0|0")), "line 3: a genotype that names an allele"),
        ("chr1\t1000\t.\tA", "line 3: 4 columns where the header has 11"),
        (record(1000).replace("1000", "x"), "line 3: a position that is no number"),
    ],
)
def test_refuses_a_panel_with_file_and_line(tmp_path, line, message):
    with pytest.raises(AvatarflowError, match=rf"panel\.vcf {message}"):
        panel_variants(panel(tmp_path, [line]), Person("P1"), GENOME)


def test_refuses_an_unknown_sample_without_naming_it(tmp_path):
    with pytest.raises(AvatarflowError, match="sample is not in this panel") as caught:
        panel_variants(panel(tmp_path, [record(1000)]), Person("SECRET"), GENOME)
    assert "SECRET" not in str(caught.value)


def test_refuses_a_truncated_compressed_panel(tmp_path):
    plain = panel(tmp_path, [record(position) for position in range(1000, 9000)]).read_bytes()
    path = tmp_path / "cut.vcf.gz"
    path.write_bytes(gzip.compress(plain)[:-500])
    with pytest.raises(
        AvatarflowError, match=r"cut\.vcf\.gz line \d+: the compressed file is truncated"
    ):
        panel_variants(path, Person("P1"), GENOME)
