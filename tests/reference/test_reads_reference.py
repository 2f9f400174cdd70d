"""The reads wing against slow independent code and against bcftools."""

import shutil
import subprocess

import pyarrow.parquet as pq
import pysam
import pytest

from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.simulation.joining import join_shards
from avatarflow.reads.simulation.simulate import simulate_shard
from avatarflow.runs.context import Step

RATES = {"indel_share": 0.2, "indel_mean_bp": 3.0, "homozygous_share": 0.35, "ti_tv": 2.1}
HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tP1\n"
LENGTH = 100


def bcftools(*arguments):
    return subprocess.run(
        ["bcftools", *map(str, arguments)], capture_output=True, text=True, check=True
    )


def slow_fasta(path):
    """Name to sequence, one line at a time."""
    sequences, name = {}, None
    for line in path.read_text().splitlines():
        if line.startswith(">"):
            name = line[1:].split()[0]
            sequences[name] = ""
        else:
            sequences[name] += line
    return sequences


@pytest.fixture(scope="module", params=[0.001, 0.05], ids=["human-like", "dense"])
def person(request, tmp_path_factory):
    """An individual with a panel in the middle (indels, two alternatives, overlapping sites) and rates elsewhere."""
    folder = tmp_path_factory.mktemp("person")
    genome = random_genome("chr1", 60_000, 0.41, 0.2, 1)
    write_fasta(folder / "host.fa", genome)
    text = slow_fasta(folder / "host.fa")["chr1"]
    lines = []
    for at in range(20_000, 30_000, 500):
        ref = text[at : at + 3]
        other = [base for base in "ACGT" if base != ref[0]]
        lines.append((at, ref[0], f"{other[0]},{other[1]}", "1|2"))
        lines.append((at + 50, text[at + 50 : at + 55], text[at + 50], "0|1"))
        # inside that deletion
        lines.append((at + 52, text[at + 52], "A" if text[at + 52] != "A" else "C", "1|1"))
        lines.append((at + 55, text[at + 55], text[at + 55] + "GATTACA", "1|0"))  # next to it
        lines.append((at + 56, text[at + 56], "A" if text[at + 56] != "A" else "C", "1|1"))
    body = "".join(
        f"chr1\t{at + 1}\t.\t{ref}\t{alt}\t.\t.\t.\tGT\t{call}\n" for at, ref, alt, call in lines
    )
    (folder / "panel.vcf").write_text(HEAD + body)
    panel = {"panel": str(folder / "panel.vcf"), "sample": "P1"}
    make_individual(
        str(folder / "host.fa"),
        Donor("donor", request.param, Rates.of(RATES), 1, **panel),
        outputs_in(folder / "person"),
        Step.null(),
    )
    return folder


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools not found")
@pytest.mark.parametrize("number", [1, 2])
def test_bcftools_consensus_makes_the_haplotypes_byte_for_byte(person, number):
    out = person / f"consensus{number}.fa"
    vcf = person / "person" / "variants.vcf.gz"
    bcftools("consensus", "-H", number, "-f", person / "host.fa", "-o", out, vcf)
    assert slow_fasta(out) == slow_fasta(person / "person" / f"haplotype{number}.fa")


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools not found")
def test_bcftools_norm_accepts_every_ref(person):
    answer = bcftools(
        "norm",
        "--check-ref",
        "e",
        "-f",
        person / "host.fa",
        "-o",
        person / "norm.vcf",
        person / "person" / "variants.vcf.gz",
    )
    assert "REF_MISMATCH" not in answer.stderr


def slow_lift(table, allele, position):
    """Where a reference position lies on a haplotype: walk over the variants before it."""
    shift = 0
    for row in table.itertuples():
        number = getattr(row, allele)
        if number and row.position + len(row.ref) <= position:
            shift += len(row.alt.split(",")[number - 1]) - len(row.ref)
    return position + shift


def test_every_read_comes_from_where_the_truth_says(person, root):
    """Without errors a read equals the haplotype at its place; with errors it differs in as many bases as told."""
    profile = root / "resources" / "error_profiles" / "illumina.tsv"
    files = {"host": person / "host.fa", "microbes": person / "host.fa", "profile": profile}
    files |= {name: person / "person" / f"{name}.parquet" for name in ("variants", "parts")}
    files = {name: str(path) for name, path in files.items()}
    reads = {"pairs": 80, "length_bp": LENGTH, "fragment_mean_bp": 250.0, "fragment_sd_bp": 30.0}
    haplotypes = [
        slow_fasta(person / "person" / f"haplotype{number}.fa")["chr1"] for number in (1, 2)
    ]
    table = pq.read_table(files["variants"]).to_pandas()
    complement = str.maketrans("ACGT", "TGCA")
    for error in (0.0, 0.05):
        cell = {"donor": "donor", "error": error, "seeds": {"fragments": 3, "errors": 4}}
        out = {key: str(person / f"{error}{key}") for key in ("reads1", "reads2", "bam", "truth")}
        simulate_shard(
            files, reads, {"host_share": 1.0, "weights": {}}, cell, (0, 1), out, Step.null()
        )
        join_shards({key: [path] for key, path in out.items()}, outputs=out)
        truth = pq.read_table(out["truth"]).to_pandas()
        with pysam.FastxFile(out["reads1"]) as one, pysam.FastxFile(out["reads2"]) as two:
            pairs = [
                (first.sequence, second.sequence) for first, second in zip(one, two, strict=True)
            ]
        for row, (first, second) in zip(truth.itertuples(), pairs, strict=True):
            sequence, allele = haplotypes[row.haplotype - 1], f"allele{row.haplotype}"
            start, end = slow_lift(table, allele, row.start), slow_lift(table, allele, row.end)
            left = sequence[start : start + LENGTH]
            right = sequence[end - LENGTH : end].translate(complement)[::-1]
            expected = (left, right) if row.strand == "+" else (right, left)
            different = sum(
                a != b
                for pair in zip(expected, (first, second), strict=True)
                for a, b in zip(*pair, strict=True)
            )
            assert different == row.substitutions
        middle = (truth["start"] + truth["end"]) // 2
        assert ((truth["part"] == "panel") == middle.between(20_000, 29_556)).all()
        assert (truth["substitutions"].sum() > 0) == (error > 0)
