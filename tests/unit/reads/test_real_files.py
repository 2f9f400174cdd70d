"""Reads as machines, archives and other programs leave them: taken as what they are, or refused by their true name."""

import bz2
import gzip
import json
import lzma

import pandas as pd
import pyarrow as pa
import pysam
import pytest
from test_reads_bad_input import BASES, CANARY, fastq, read, table, take

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.genomes.genome import read_fasta
from avatarflow.reads.user_reads.names import marked, mate_of, shared

OTHER = BASES[::-1]


def pair(form, count=3):
    """Two files whose heads come of a form with `{i}`, the fragment, and `{m}`, the mate."""
    return [
        "".join(
            f"@{form.format(i=i, m=mate)}\n{bases}\n+\n{'I' * 50}\n" for i in range(1, count + 1)
        )
        for mate, bases in ((1, BASES), (2, OTHER))
    ]


def interleaved(form, count=3):
    one, two = (text.splitlines(keepends=True) for text in pair(form, count))
    return "".join("".join(one[at : at + 4] + two[at : at + 4]) for at in range(0, len(one), 4))


def refusal(tmp_path, *content, **settings):
    with pytest.raises(AvatarflowError) as refused:
        take(tmp_path, *content, **settings)
    assert CANARY not in str(refused.value)
    assert not [*(tmp_path / "out").glob("*")]
    return str(refused.value)


# --- names of mates

FORMS = {
    "SRA, .1 and .2": "SRR2040271.{i}.{m} A00456:506:6027:1000 length=100",
    "SRA, only .1 and .2": "SRR2040271.{i}.{m}",
    "/1 and /2": "HWI:1:{i}/{m}",
    "/1;1 and /2;1": "HWI:1:{i}#CGATGT/{m};1",
    "a blank that became _": "A00456:506:H5:1:1101:{i}:1000_{m}:N:0:CAACACAG",
    "Illumina": "A00456:506:H5:1:1101:{i}:1000 {m}:N:0:CAACACAG",
    "SRA with mates in the comment": "SRR10.{i} {i}/{m}",
    "_R1 and _R2": "read{i}_R{m}",
    "no mark at all": "read{i}",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_mates_are_taken_in_two_files_and_refused_in_one(form, tmp_path):
    assert len(read(take(tmp_path, *pair(form)) / "reads_2.fastq.gz")) == 3
    message = refusal(tmp_path / "one", interleaved(form))
    assert "fastq1 line 5: the " in message
    assert "both mates in one file" in message
    assert "duplicate reads" in message


@pytest.mark.parametrize("name", FORMS)
def test_first_mates_given_twice_are_refused(name, tmp_path):
    first, _ = pair(FORMS[name])
    message = refusal(tmp_path, first, first)
    assert "fastq2" in message
    assert (
        "same mate" in message or "the same reads as fastq1" in message or "not the mate" in message
    )


def test_first_mates_with_other_heads_and_qualities_are_refused(tmp_path):
    one, two = (
        "".join(f"@r{i} {mate}:N:0:A\n{BASES}\n+\n{quality * 50}\n" for i in range(3))
        for mate, quality in ((1, "I"), (2, "5"))
    )
    assert refusal(tmp_path, one, two).startswith(
        "fastq2: the same reads as fastq1; give the second"
    )


def test_one_file_under_two_paths_is_refused(tmp_path):
    (tmp_path / f"{CANARY}.fastq1").write_text(fastq("ab"))
    (tmp_path / f"{CANARY}.fastq2").symlink_to(tmp_path / f"{CANARY}.fastq1")
    assert refusal(tmp_path, fastq("ab"), fastq("ab")).startswith("fastq2: the same file as fastq1")


@pytest.mark.parametrize(
    "names",
    [
        [f"transcript/{i}" for i in range(1, 12)],
        ["gene", "transcript/1", "transcript/2", "other"],
        [f"SRR10.{i}" for i in range(1, 9)],
        ["SRR10.1", "SRR10.2"],
        [f"PB.{gene}.{i}" for gene in (1, 2, 3) for i in (1, 2, 3)],
        [f"m64011_190830_220126/{i}/ccs" for i in (1, 2, 3)],
        ["contig_1", "contig_2", "contig_3"],
        ["A00456:506:H5:1:1101:6027:1", "A00456:506:H5:1:1101:6027:2"],
    ],
)
def test_running_numbers_of_single_reads_are_no_mates(names, tmp_path):
    text = "".join(f"@{name}\n{BASES}\n+\n{'I' * 50}\n" for name in names)
    assert len(read(take(tmp_path, text) / "reads_1.fastq.gz")) == len(names)


def test_running_numbers_in_two_files_are_no_marks_of_mates(tmp_path):
    """Fragments 1, 2, 3 beside 2, 3, 4: the first pair alone looks like mates."""
    one, two = (
        "".join(f"@read_{i}\n{BASES}\n+\n{'I' * 50}\n" for i in numbers)
        for numbers in ((1, 2, 3), (2, 3, 4))
    )
    assert "fastq2 line 5: not the mate" in refusal(tmp_path, one, two)


@pytest.mark.parametrize("order", ["aabc", "abca", "abac"])
def test_a_name_twice_is_refused_wherever_it_stands(order, tmp_path):
    assert "duplicate reads" in refusal(tmp_path, fastq(order))


@pytest.mark.parametrize("form", ["x{i}/{m}", "SRR1.{i}.{m}", "x{i}_{m}:N:0:A", "x{i} {m}:N:0:A"])
def test_mates_one_file_after_the_other_are_refused(form, tmp_path):
    for number, order in enumerate((pair(form), pair(form)[::-1])):
        message = refusal(tmp_path / str(number), "".join(order))
        assert "both mates in one file" in message.splitlines()[0]
        assert message.startswith("fastq1 line 13: ")


@pytest.mark.parametrize(
    ("one", "two", "name"),
    [
        (b"a/1", b"a/2", b"a"), (b"a/2", b"a/1", b"a"), (b"a.1", b"a.2", b"a"), (b"a.2", b"a.1", None),
        (b"a/1", b"b/2", None), (b"a.1", b"a/2", None), (b"a/1", b"a/3", None), (b"a:1:N:0:A", b"a:2:N:0:A", b"a"),
        (b"1", b"2", None), (b"a", b"a", b"a"),
    ],
)  # fmt: skip
def test_what_names_of_mates_share(one, two, name):
    assert (shared(one, two) or (None,))[0] == name


def test_marks_of_mates():
    assert mate_of(b"a", b"1:N:0:ACGT") == mate_of(b"a/1", b"") == mate_of(b"a", b"7/1") == b"1"
    assert mate_of(b"a.1", b"length=100") == mate_of(b"a", b"1") == mate_of(b"a/3", b"") == b""
    assert marked(b"plain") is None


# --- truth tables

TRUE = table([("a", 1, ""), ("b", 0, "E_coli"), ("c", 0, "E_coli")])
TABLES = {
    "a byte order mark": b"\xef\xbb\xbf" + TRUE.encode(),
    "heads as a whole": TRUE.replace("\t1\t", " 1:N:0:A\t1\t").replace("\t0\t", " 1:N:0:A\t0\t").encode(),
    "names with @": TRUE.replace(CANARY, f"@{CANARY}").encode(),
    "names with /1": TRUE.replace("\t1\t", "/1\t1\t").replace("\t0\t", "/1\t0\t").encode(),
    "a row for each mate": b"".join(
        TRUE.encode().replace(b"\t1\t", b"/%d\t1\t" % m).replace(b"\t0\t", b"/%d\t0\t" % m)[skip:]
        for m, skip in ((1, 0), (2, len("fragment\tis_human\ttaxon\n")))
    ),
    "Latin-1": TRUE.replace("E_coli", "Bäcillus").encode("latin-1"),
    "quotes": TRUE.replace("E_coli", '"E_coli"').encode(),
    "zstd": pa.compress(TRUE.encode(), codec="zstd", asbytes=True),
    "bzip2": bz2.compress(TRUE.encode()),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("marks", [("", ""), ("/1", "/2"), (".1", ".2")])
def test_names_agree_on_both_sides_of_the_truth(name, marks, tmp_path):
    one, two = (
        fastq([f"{x}{mark}" for x in "abc"], bases=b)
        for mark, b in zip(marks, (BASES, OTHER), strict=True)
    )
    told = pd.read_parquet(take(tmp_path, one, two, TABLES[name]) / "truth.parquet")
    assert told["source"].tolist() == ["human", "microbe", "microbe"]
    assert told["taxon"].tolist()[2] == ("Bäcillus" if name == "Latin-1" else "E_coli")


def test_latin_1_names_are_the_same_as_utf_8_ones(tmp_path):
    reads = f"@{CANARY}_ä\n{BASES}\n+\n{'I' * 50}\n".encode("latin-1")
    told = take(tmp_path, reads, None, table([("ä", 1, "")]).encode())
    assert len(pd.read_parquet(told / "truth.parquet")) == 1


def test_mates_that_the_truth_calls_differently_are_refused(tmp_path):
    rows = [("a/1", 1, ""), ("a/2", 0, "E_coli")]
    message = refusal(tmp_path, fastq(["a/1"]), fastq(["a/2"], bases=OTHER), table(rows))
    assert "fastq1 line 1: a fragment whose mates the truth table calls differently" in message


@pytest.mark.parametrize("taxon", ["human", "Human", "Homo sapiens"])
def test_a_human_taxon_among_microbes_is_refused(taxon, tmp_path):
    message = refusal(tmp_path, fastq("a"), None, table([("a", 0, taxon)]))
    assert message.startswith(
        "truth line 2: the taxon is human, and is_human says no; name the microbe"
    )


# --- files

PACKED = {
    "bzip2": bz2.compress,
    "bzip2 in streams": lambda data: bz2.compress(data[:99]) + bz2.compress(data[99:]),
    "xz": lzma.compress,
    "zstd": lambda data: pa.compress(data, codec="zstd", asbytes=True),
    "zstd in frames": lambda data: b"".join(
        pa.compress(part, codec="zstd", asbytes=True) for part in (data[:99], data[99:])
    ),
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "a byte order mark in gzip": lambda data: gzip.compress(b"\xef\xbb\xbf" + data),
}


@pytest.mark.parametrize("name", PACKED)
def test_files_are_opened_by_their_first_bytes(name, tmp_path):
    out = take(tmp_path, PACKED[name](fastq("abc").encode()))
    assert len(read(out / "reads_1.fastq.gz")) == 3
    (tmp_path / "host.fa").write_bytes(PACKED[name](b">chr1\nACGT\n"))
    assert read_fasta(tmp_path / "host.fa").names == ("chr1",)


@pytest.mark.parametrize("pack", [PACKED["zstd"], bz2.compress, lzma.compress])
def test_a_truncated_file_is_called_truncated(pack, tmp_path):
    data = pack(fastq(range(2000)).encode())
    assert "truncated or damaged" in refusal(tmp_path, data[:-20])


NAMED = {
    "a ZIP archive": b"PK\x03\x04" + bytes(60), "UTF-16 text": fastq("a").encode("utf-16"),
    "an LZ4 file": b"\x04\x22\x4d\x18 ",
    "a POD5 file": b"\x8bPOD\r\n\x1a\n", "an HDF5 file": b"\x89HDF\r\n\x1a\n", "a web page": b"<!DOCTYPE html><html>",
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\n", "an SRA file": b"NCBI.sra" + bytes(9),
    "a tar archive": gzip.compress(bytes(257) + b"ustar\x0000" + bytes(300)),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_what_is_no_reads_is_named_for_what_it_is(name, tmp_path):
    assert refusal(tmp_path, NAMED[name]).startswith(f"fastq1: {name}")
    (tmp_path / "host.fa").write_bytes(NAMED[name])
    with pytest.raises(AvatarflowError, match=name):
        read_fasta(tmp_path / "host.fa")


def alignments(path, mode, paired=False, **kwargs):
    """A read as sequenced, one of the other strand, and a supplementary record that repeats it."""
    header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": "c", "LN": 1000}]}
    with pysam.AlignmentFile(str(path), mode, header=header, **kwargs) as file:
        for name, flag in (("a", 4), ("b", 16), ("b", 16 | 0x800)):
            record = pysam.AlignedSegment(file.header)
            record.query_name, record.flag = f"{CANARY}{name}", flag | (0x41 if paired else 0)
            record.query_sequence = "A" * 40 + "C" * 10
            record.query_qualities = pysam.qualitystring_to_array("I" * 49 + "5")
            if not flag & 4:
                record.reference_id, record.reference_start, record.cigartuples = 0, 5, [(0, 50)]
            file.write(record)
    return path.read_bytes()


@pytest.mark.parametrize("mode", ["wb", "w", "wc"])
def test_single_reads_of_alignment_files_are_taken_as_they_were_sequenced(mode, tmp_path):
    options = {"format_options": [b"no_ref=1"]} if mode == "wc" else {}
    data = alignments(tmp_path / "x", mode, **options)
    assert read(take(tmp_path / "t", data) / "reads_1.fastq.gz") == [
        ("r000000000", "A" * 40 + "C" * 10, "I" * 49 + "5"),
        ("r000000001", "G" * 10 + "T" * 40, "5" + "I" * 49),
    ]


def test_alignment_files_that_cannot_be_taken_are_named(tmp_path):
    data = alignments(tmp_path / "x", "wb", paired=True)
    assert refusal(tmp_path / "a", data).startswith(
        "fastq1 record 1: mates in one file of alignments; make two"
    )
    data = alignments(tmp_path / "x", "wb")
    assert "truncated or damaged" in refusal(tmp_path / "b", data[:-28])  # no end marker


def test_a_dot_is_n(tmp_path):
    out = take(tmp_path, fastq("a", bases="." + BASES))
    assert read(out / "reads_1.fastq.gz")[0][1] == "N" + BASES
    assert json.loads((out / "summary.json").read_text())["unclear_bases"] == 1


# --- qualities

OLD = "".join(chr(64 + quality) for quality in (2, 2, 40, 30, 20) * 10)


def test_phred_64_is_recognised_and_converted_where_it_is_said(tmp_path):
    text = f"@a\n{BASES}\n+\n{OLD}\n"
    assert refusal(tmp_path, text).startswith("fastq1: qualities that look like Phred + 64")
    out = take(tmp_path / "a", text, quality_offset=64)
    assert read(out / "reads_1.fastq.gz")[0][2] == "##I?5" * 10
    assert json.loads((out / "summary.json").read_text())["error"] > 0.2
    as_is = take(tmp_path / "b", text, quality_offset=33)
    assert read(as_is / "reads_1.fastq.gz")[0][2] == OLD
    solexa = take(tmp_path / "c", text.replace(OLD, ";" * 50), quality_offset=64)
    assert read(solexa / "reads_1.fastq.gz")[0][2] == "!" * 50
    wrong = refusal(tmp_path / "d", fastq("a", quality="5"), quality_offset=64)
    assert wrong.startswith("fastq1 line 4: a quality below those of Phred + 64")


@pytest.mark.parametrize("quality", ["I", "F", "J", "5"])
def test_good_sanger_qualities_are_not_taken_for_phred_64(quality, tmp_path):
    take(tmp_path, fastq("a", quality=quality))


def test_long_reads_of_high_quality_are_no_phred_64(tmp_path):
    take(tmp_path, fastq("a", bases=BASES * 30, quality="~"))
