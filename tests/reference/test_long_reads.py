"""Nanopore reads against slow code that knows only the VCF, the reference and the truth table."""

import gzip
import hashlib
import json
from collections import Counter
from pathlib import Path

import pysam
import pytest
from long_world import END, START, LongWorld, records_of, truth_of
from scipy.stats import binom

from avatarflow.reads.simulation.causes import runs

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")
READS = 1500
KINDS = dict(zip("=VxIyiDds", "MMMIIIDDS", strict=True))


@pytest.fixture(scope="module")
def world(tmp_path_factory, root):
    return LongWorld(tmp_path_factory.mktemp("long"), root)


@pytest.fixture(scope="module")
def reads(world):
    files = world.simulate(0.08, READS)
    return files, records_of(files["bam"]), truth_of(files)


def slow_places(text, vcf, copy):
    """What a haplotype has at every place of the reference, (base, cause, row), and what it has inserted before it."""
    places, inserted = [(base, "=", None) for base in text], {}
    with pysam.VariantFile(str(vcf)) as file:
        for record in file:
            number = record.samples[0]["GT"][copy - 1]
            if not number:
                continue
            ref, alt, row = record.ref, record.alts[number - 1], int(record.id[1:])
            if len(ref) == len(alt) == 1:
                places[record.start] = (alt, "V", row)
            elif len(alt) > 1:
                inserted[record.start + 1] = (alt[1:], row)
            for lost in range(record.start + 1, record.start + len(ref)):
                places[lost] = ("", "D", row)
    return places, inserted


def test_causes_agree_with_a_slow_reference(world, reads):
    _, records, truth = reads
    folder = world.folder
    host = pysam.FastaFile(str(folder / "host.fa")).fetch("chr1")
    microbe = (
        [
            (base, "=", None)
            for base in pysam.FastaFile(str(folder / "microbes.fa")).fetch("m:contig")
        ],
        {},
    )
    people = {
        copy: slow_places(host, folder / "person" / "variants.vcf.gz", copy) for copy in (1, 2)
    }
    seen = Counter()
    for record in records:
        if record.is_unmapped:
            continue
        if not record.is_supplementary and record.reference_name == "chr1":
            assert record.get_tag("HP") == truth.loc[record.query_name].haplotype
        places, inserted = people[record.get_tag("HP")] if record.has_tag("HP") else microbe
        text, at, read = record.query_sequence, record.reference_start, 0
        for run in runs(record):
            seen[run.cause] += run.length
            for _ in range(run.length):
                kind = KINDS[run.cause]
                base, cause, row = places[at] if at < len(places) else ("", "end", None)
                if run.cause in "=VD":
                    assert (cause, row) == (run.cause, run.variant)
                    assert base == (text[read] if kind == "M" else "")
                elif run.cause == "x":
                    assert cause in "=V"
                    assert text[read] != base
                elif run.cause == "d":
                    assert cause in "=V"
                elif run.cause in "Iy":
                    assert at in inserted
                    assert run.cause == "y" or (
                        inserted[at][1] == run.variant and text[read] in inserted[at][0]
                    )
                at += kind in "MD"
                read += kind in "MIS"
        assert read == len(text)
        assert at == record.reference_end
        written = "".join(KINDS[run.cause] * run.length for run in runs(record))
        assert written == "".join("MIDNS"[op] * length for op, length in record.cigartuples)
        assert not {written.strip("S")[0], written.strip("S")[-1]} & {"D"}
    assert set(seen) == set("=VIDxyids")


def test_fastq_bam_and_table_tell_the_same(reads):
    files, records, truth = reads
    with pysam.FastxFile(files["reads1"]) as fastq:
        sequences = {read.name: (read.sequence, read.quality) for read in fastq}
    assert list(sequences) == truth.index.tolist() == [f"r{i:09d}" for i in range(READS)]
    assert gzip.decompress(Path(files["reads2"]).read_bytes()) == b""
    totals = Counter()
    for record in records:
        sequence, quality = (
            record.query_sequence,
            pysam.qualities_to_qualitystring(record.query_qualities),
        )
        if record.is_reverse:
            sequence, quality = sequence.translate(COMPLEMENT)[::-1], quality[::-1]
        assert (sequence, quality) == sequences[record.query_name]
        for run in runs(record):
            totals[run.cause] += run.length
            totals["variants"] += run.cause in "VID"
    assert totals["x"] + totals["y"] == truth["substitutions"].sum()
    assert (totals["i"], totals["d"]) == (truth["insertions"].sum(), truth["deletions"].sum())
    assert totals["variants"] == truth["variants"].sum()


def test_junk_chimeras_and_adapters_are_told_as_what_they_are(reads):
    _, records, truth = reads
    primary = [record for record in records if not record.is_supplementary]
    second = {record.query_name: record for record in records if record.is_supplementary}
    assert [record.query_name for record in primary] == truth.index.tolist()
    for kind in ("junk", "chimera"):
        low, high = binom.interval(0.999, READS, 0.05)
        assert low <= (truth["kind"] == kind).sum() <= high
    assert set(second) == set(truth.index[truth["kind"] == "chimera"])
    mixed = 0
    for record in primary:
        row = truth.loc[record.query_name]
        assert record.is_unmapped == (row.kind == "junk") == (row.source == "junk")
        if row.kind == "junk":
            assert (row.taxon, row.contig, row.haplotype, row.start, row.end, row.strand) == (
                "junk",
                "",
                0,
                -1,
                -1,
                "",
            )
            assert {run.cause for run in runs(record)} == {"s"}
            continue
        assert row.contig == record.reference_name.rpartition(":")[2]
        assert row.strand == ("-" if record.is_reverse else "+")
        # a first base may be skipped, or lie in an insertion
        assert abs(record.reference_start - row.start) <= 30
        assert abs(record.reference_end - row.end) <= 30
        parts = [record, *([second[record.query_name]] if row.kind == "chimera" else [])]
        human = any(part.reference_name == "chr1" for part in parts)
        assert human == (row.source == "human") == (record.reference_name == "chr1")
        mixed += human and any(part.reference_name != "chr1" for part in parts)
    assert mixed > 3


def test_adapters_stand_at_the_ends(world):
    files = world.simulate(0.0, 400, junk=0.0, chimeras=0.0)
    found = Counter()
    for record in records_of(files["bam"]):
        sequence, parts = record.get_forward_sequence(), runs(record)
        parts = parts[::-1] if record.is_reverse else parts
        if parts[0].cause == "s":
            found["start"] += 1
            assert START.endswith(sequence[: parts[0].length])
        if parts[-1].cause == "s":
            found["end"] += 1
            assert END.startswith(sequence[-parts[-1].length :])
        assert {part.cause for part in parts} <= set("=VIDs")
    for end, share in (("start", 0.9), ("end", 0.5)):
        low, high = binom.interval(0.999, 400, share)
        assert low <= found[end] <= high


def test_one_and_three_shards_give_equal_bytes_and_the_golden_ones(world, reads, root):
    one, three = reads[0], world.simulate(0.08, READS, shards=3)
    digests = {}
    for key in one:
        data = [Path(files[key]).read_bytes() for files in (one, three)]
        assert data[0] == data[1], key
        plain = gzip.decompress(data[0]) if key != "truth" else reads[2].to_csv().encode()
        digests[key] = hashlib.sha256(plain).hexdigest()
    golden = root / "tests" / "golden" / "long_reads.json"
    assert digests == json.loads(golden.read_text()), (
        "reads changed: say so in the changelog and renew tests/golden/long_reads.json"
    )


def test_more_operations_than_a_cigar_can_count(tmp_path, root):
    world = LongWorld(tmp_path, root, level=0.0, host_bp=300_000)
    layout = {
        "mean_bp": 280_000,
        "sd_bp": 0,
        "min_bp": 20_000,
        "max_bp": 300_000,
        "junk": 0.0,
        "chimeras": 0.0,
    }
    mixed = [
        record
        for record in records_of(world.simulate(0.3, 20, **layout)["bam"])
        if record.has_tag("HP")
    ]
    assert max(len(record.cigartuples) for record in mixed) > 65535
    for record in mixed:
        written = "".join(KINDS[run.cause] * run.length for run in runs(record))
        assert written == "".join("MIDNS"[op] * length for op, length in record.cigartuples)
        assert record.infer_query_length() == len(record.query_sequence)
