"""Structural variants: bcftools makes the same haplotypes, reads come from them, fragments ignore small variation."""

import shutil
import subprocess

import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.donors.haplotype import haplotype
from avatarflow.reads.donors.individual import Donor, donor_variants, make_individual, outputs_in
from avatarflow.reads.donors.structural import KINDS
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import LETTERS, read_fasta, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.simulation.fragments import Layout
from avatarflow.reads.simulation.illumina.errors import read_profile
from avatarflow.reads.simulation.mixture import Mixture
from avatarflow.reads.simulation.simulate import Simulator
from avatarflow.reads.simulation.sources import sources_of
from avatarflow.runs.context import Step

HOST = random_genome("chr1", 200_000, 0.41, 0.2, 1)
ASKED = {"per_mb": 200.0, "min_bp": 50, "max_bp": 2000}
RATES = {"indel_share": 0.2, "indel_mean_bp": 3.0, "homozygous_share": 0.35, "ti_tv": 2.1}
COMPLEMENT = bytes.maketrans(b"ACGT", b"TGCA")


def person(level):
    return donor_variants(HOST, Donor("donor", level, Rates(**RATES), 1, structural=ASKED))[0]


def reads(variants, root, count=3000):
    model = read_profile(root / "resources" / "error_profiles" / "flat.tsv", 100)
    mixture, layout, seeds = (
        Mixture.of(1.0, {}),
        Layout(100, 300.0, 40.0),
        {"fragments": 1, "errors": 1},
    )
    sources = sources_of(HOST, variants, {}, {})
    simulator = Simulator(sources, mixture, layout, model.tables(0), seeds, "d")
    one, _, _, table = simulator.block(0, count)
    return bytes(one).split(b"\n")[1::4], table.to_pandas()


def test_all_kinds_are_drawn_and_do_not_depend_on_the_level():
    low, high = person(0.0), person(0.02)
    assert set(low["kind"]) == set(KINDS)
    columns = ["position", "ref", "alt", "allele1", "allele2", "kind"]
    assert high[high["kind"] != ""][columns].reset_index(drop=True).equals(low[columns])
    sizes = abs(low["ref"].str.len() - low["alt"].str.len())[
        low["kind"].isin(["DEL", "INS", "DUP"])
    ]
    assert sizes.between(50, 2000).all()
    end = high["position"] + high["ref"].str.len()
    assert (high["position"].to_numpy()[1:] >= end.to_numpy()[:-1]).all()


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools not found")
def test_bcftools_accepts_them_and_makes_the_haplotypes_byte_for_byte(tmp_path):
    write_fasta(tmp_path / "host.fa", HOST)
    make_individual(
        str(tmp_path / "host.fa"),
        Donor("donor", 0.01, Rates.of(RATES), 1, structural=ASKED),
        outputs_in(tmp_path / "person"),
        Step.null(),
    )
    vcf = str(tmp_path / "person" / "variants.vcf.gz")
    check = [
        "bcftools",
        "norm",
        "--check-ref",
        "e",
        "-f",
        str(tmp_path / "host.fa"),
        "-o",
        str(tmp_path / "n.vcf"),
        vcf,
    ]
    assert subprocess.run(check, capture_output=True).returncode == 0
    for number in (1, 2):
        out = tmp_path / f"consensus{number}.fa"
        command = [
            "bcftools",
            "consensus",
            "-H",
            str(number),
            "-f",
            str(tmp_path / "host.fa"),
            "-o",
            str(out),
            vcf,
        ]
        subprocess.run(command, check=True, capture_output=True)
        made = read_fasta(tmp_path / "person" / f"haplotype{number}.fa")
        assert (read_fasta(out).codes == made.codes).all()
        assert len(made.codes) != len(HOST.codes)


def test_reads_come_from_the_haplotypes_and_new_sequence_is_read(root):
    variants = person(0.01)
    texts = [
        LETTERS[haplotype(HOST, variants, f"allele{copy}").genome.codes].tobytes()
        for copy in (1, 2)
    ]
    sequences, truth = reads(variants, root)
    for sequence, copy in zip(sequences, truth["haplotype"], strict=True):
        assert (
            sequence in texts[copy - 1] or sequence.translate(COMPLEMENT)[::-1] in texts[copy - 1]
        )
    plain = LETTERS[HOST.codes].tobytes()
    strange = [
        one not in plain and one.translate(COMPLEMENT)[::-1] not in plain for one in sequences
    ]
    assert np.mean(strange) > 0.1


def test_refuses_lengths_that_contradict():
    with pytest.raises(AvatarflowError, match="max_bp below min_bp"):
        donor_variants(HOST, Donor("donor", 0.0, Rates(), 1, structural={**ASKED, "max_bp": 40}))


def test_no_fragment_lies_in_what_both_haplotypes_lack(root):
    variants = person(0.0)
    _, truth = reads(variants, root)
    gone = variants[(variants["kind"] == "DEL") & (variants["allele1"] + variants["allele2"] == 2)]
    assert len(gone)
    for row in gone.itertuples():
        inside = truth["start"].gt(row.position + 1) & truth["end"].lt(row.position + len(row.ref))
        assert not inside.any()


def test_fragments_do_not_depend_on_small_variation(root):
    places = ["contig", "haplotype", "start", "end", "strand"]
    assert reads(person(0.0), root)[1][places].equals(reads(person(0.02), root)[1][places])
