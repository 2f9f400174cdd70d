"""Causes and CIGARs of the truth BAM against slow code that knows only the VCF, the reference and the truth table."""

import numpy as np
import pyarrow.parquet as pq
import pysam
import pytest

from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import read_fasta, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.simulation.causes import causes, runs
from avatarflow.reads.simulation.joining import join_shards
from avatarflow.reads.simulation.simulate import simulate_shard
from avatarflow.runs.context import Step

RATES = {"indel_share": 0.3, "indel_mean_bp": 3.0, "homozygous_share": 0.35, "ti_tv": 2.1}
PAIRS, LENGTH = 5000, 100
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
KEYS = ("reads1", "reads2", "bam", "truth")


def slow_haplotype(text, vcf, copy):
    """The haplotype as a list of (base, cause, variant row); walks over the VCF one record at a time."""
    out, cursor = [], 0
    with pysam.VariantFile(str(vcf)) as file:
        for record in file:
            number = record.samples[0]["GT"][copy - 1]
            if not number:
                continue
            ref, alt, row = record.ref, record.alts[number - 1], int(record.id[1:])
            out += [(base, "=", None) for base in text[cursor : record.start]]
            if len(ref) == len(alt) == 1:
                out.append((alt, "V", row))
            else:  # anchored insertion or deletion
                out += [(ref[0], "=", None), *((base, "I", row) for base in alt[1:])]
            cursor = record.start + len(ref)
    return out + [(base, "=", None) for base in text[cursor:]]


@pytest.fixture(scope="module")
def world(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("causes")
    write_fasta(folder / "host.fa", random_genome("chr1", 80_000, 0.41, 0.2, 1))
    write_fasta(folder / "microbes.fa", random_genome("m:contig", 20_000, 0.5, 0, 1))
    make_individual(
        str(folder / "host.fa"),
        Donor("donor", 0.03, Rates.of(RATES), 1),
        outputs_in(folder / "person"),
        Step.null(),
    )
    return folder, root / "resources" / "error_profiles" / "illumina.tsv"


def simulated(world, indel_ratio, ends="pairs"):
    folder, profile = world
    files = {"host": folder / "host.fa", "microbes": folder / "microbes.fa", "profile": profile}
    files |= {name: folder / "person" / f"{name}.parquet" for name in ("variants", "parts")}
    reads = {"pairs": PAIRS, "length_bp": LENGTH, "fragment_mean_bp": 250.0, "fragment_sd_bp": 30.0}
    reads |= {"indel_ratio": indel_ratio, "ends": ends}
    cell = {"donor": "donor", "error": 0.05, "seeds": {"fragments": 3, "errors": 4}}
    out = {key: str(folder / f"{indel_ratio}{ends}{key}") for key in KEYS}
    files = {name: str(path) for name, path in files.items()}
    simulate_shard(
        files, reads, {"host_share": 0.8, "weights": {"m": 1.0}}, cell, (0, 1), out, Step.null()
    )
    join_shards({key: [path] for key, path in out.items()}, outputs=out)
    with pysam.AlignmentFile(out["bam"], check_sq=False) as bam:
        return list(bam), pq.read_table(out["truth"]).to_pandas().set_index("fragment"), out


def in_read_direction(record):
    letters, rows = causes(record)
    sequence = record.query_sequence
    if record.is_reverse:
        return sequence.translate(COMPLEMENT)[::-1], letters[::-1], rows[::-1]
    return sequence, letters, rows


def test_causes_agree_with_a_slow_reference_on_ten_thousand_reads(world):
    records, truth, _ = simulated(world, 0.0)
    folder = world[0]
    host = pysam.FastaFile(str(folder / "host.fa")).fetch("chr1")
    microbe = [
        (base, "=", None) for base in pysam.FastaFile(str(folder / "microbes.fa")).fetch("m:contig")
    ]
    people = {
        copy: slow_haplotype(host, folder / "person" / "variants.vcf.gz", copy) for copy in (1, 2)
    }
    lift = {copy: slow_places(host, folder / "person" / "variants.vcf.gz", copy) for copy in (1, 2)}
    assert len(records) == 2 * PAIRS
    seen = set()
    for record in records:
        row = truth.loc[record.query_name]
        bases = people[row.haplotype] if row.haplotype else microbe
        start, end = (
            lift[row.haplotype][at] if row.haplotype else at for at in (row.start, row.end)
        )
        left = record.is_read1 == (row.strand == "+")
        template = bases[start : start + LENGTH] if left else bases[end - LENGTH : end][::-1]
        sequence, letters, rows = in_read_direction(record)
        for base, letter, number, (true, cause, variant) in zip(
            sequence, letters, rows, template, strict=True
        ):
            expected = true if left else true.translate(COMPLEMENT)
            if base != expected:
                assert letter == ("y" if cause == "I" else "x")
                assert number == -1
            else:
                assert letter == cause
                assert number == (-1 if variant is None else variant)
        seen |= set(letters)
    assert seen == set("=VIxy")


def slow_places(text, vcf, copy):
    """Place on the haplotype of every reference position; in a deletion and right behind an insertion: behind it."""
    places, shift, cursor = [], 0, 0
    with pysam.VariantFile(str(vcf)) as file:
        for record in file:
            number = record.samples[0]["GT"][copy - 1]
            if number:
                stop = record.start + len(record.ref)
                places += [at + shift for at in range(cursor, stop)]
                shift += len(record.alts[number - 1]) - len(record.ref)
                cursor = stop
    return places + [at + shift for at in range(cursor, len(text) + 1)]


@pytest.mark.parametrize(("ratio", "ends"), [(0.0, "pairs"), (0.3, "pairs"), (0.3, "single")])
def test_every_cigar_replays_to_its_read(world, ratio, ends):
    """Reference, CIGAR, causes and the variant table together give every base of every read."""
    records, truth, out = simulated(world, ratio, ends)
    genomes = {}
    for name in ("host", "microbes"):
        genome = read_fasta(world[0] / f"{name}.fa")
        genomes |= {
            contig: "".join("ACGTN"[code] for code in codes) for contig, codes in genome.contigs()
        }
    variants = pq.read_table(world[0] / "person" / "variants.parquet").to_pandas()
    kinds = dict(zip("=VxIyiDd", "MMMIIIDD", strict=True))
    totals = dict.fromkeys("xyid", 0)
    for record in records:
        text, at, read, operations = genomes[record.reference_name], record.reference_start, 0, []
        for run in runs(record):
            piece = record.query_sequence[read : read + run.length]
            operations += kinds[run.cause] * run.length
            if run.cause == "=":
                assert piece == text[at : at + run.length]
            elif run.cause == "x":
                assert all(
                    a != b for a, b in zip(piece, text[at : at + run.length], strict=True)
                ) or has_variant(variants, at, run.length)
            elif run.variant is not None:
                row = variants.iloc[run.variant]
                if run.cause == "V":
                    assert (row.position, row.alt) == (at, piece)
                elif run.cause == "I":
                    assert is_part(piece, row.alt[1:]) if ratio else piece in row.alt[1:]
                    assert row.position + 1 == at
                else:
                    assert row.position + 1 == at
                    assert len(row.ref) - 1 == run.length
            if run.cause in totals:
                totals[run.cause] += run.length
            at += run.length if kinds[run.cause] in "MD" else 0
            read += run.length if kinds[run.cause] in "MI" else 0
        assert read == len(record.query_sequence) == LENGTH
        assert "".join(operations) == "".join(
            "MID"[op] * length for op, length in record.cigartuples
        )
        assert at == record.reference_end
    assert totals["x"] + totals["y"] == truth["substitutions"].sum()
    assert (totals["i"], totals["d"]) == (truth["insertions"].sum(), truth["deletions"].sum())
    assert (totals["i"] > 100) == (ratio > 0)
    with pysam.FastxFile(out["reads2"]) as second:
        assert len(list(second)) == (PAIRS if ends == "pairs" else 0)


def is_part(piece, whole):
    """Letters in order; an inserted base that the machine skips leaves no trace."""
    letters = iter(whole)
    return all(letter in letters for letter in piece)


def has_variant(variants, at, length):
    """An error may turn an inherited base back into the reference's."""
    return variants["position"].between(at, at + length - 1).any()


def test_mates_point_at_each_other(world):
    records, _, _ = simulated(world, 0.0)
    for one, two in zip(records[::2], records[1::2], strict=True):
        assert one.is_read1
        assert two.is_read2
        assert one.query_name == two.query_name
        assert (one.next_reference_start, two.next_reference_start) == (
            two.reference_start,
            one.reference_start,
        )
        assert one.is_reverse != two.is_reverse
        assert one.template_length == -two.template_length != 0
        assert np.sign(one.template_length) == (-1 if one.is_reverse else 1)
        assert one.has_tag("HP") == (one.reference_name == "chr1")
