"""Bad input to the reads wing, a case each by name: what is said, all at once, and that nothing is half-written."""

import gzip
import json
import re

import pandas as pd
import pysam
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.mosaic import Person
from avatarflow.reads.donors.panel import panel_variants
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import Genome, read_fasta
from avatarflow.reads.genomes.prepare import prepare_genomes
from avatarflow.reads.risk.panel import read_panel
from avatarflow.reads.user_reads.take import take_reads
from avatarflow.runs.context import Step

BASES = "ACGTTGCAAC" * 5
CANARY = "CANARYZQX"  # stands in every name of a user's read


def fastq(names, bases=BASES, quality="I"):
    return "".join(
        f"@{CANARY}_{name} lane 1\n{bases}\n+\n{quality * len(bases)}\n" for name in names
    )


def table(rows):
    return "fragment\tis_human\ttaxon\n" + "".join(
        f"{CANARY}_{name}\t{human}\t{taxon}\n" for name, human, taxon in rows
    )


def take(folder, one, two=None, truth=None, **settings):
    """`take_reads` on files of these contents (text, or bytes as they are)."""
    folder.mkdir(exist_ok=True)
    own = {}
    for key, content in (("fastq1", one), ("fastq2", two), ("truth", truth)):
        if content is not None:
            own[key] = str(folder / f"{CANARY}.{key}")
            (folder / f"{CANARY}.{key}").write_bytes(
                content if isinstance(content, bytes) else content.encode()
            )
    names = {"reads1": "reads_1.fastq.gz", "reads2": "reads_2.fastq.gz", "truth": "truth.parquet",
             "summary": "summary.json"}  # fmt: skip
    out = folder / "out"
    outputs = {key: str(out / name) for key, name in names.items()}
    asked = {"shortest_bp": 35, "drop_short": False, "quality_offset": None, **settings}
    take_reads(own, **asked, outputs=outputs, step=Step.null())
    return out


def read(path):
    with pysam.FastxFile(str(path)) as file:
        return [(record.name, record.sequence, record.quality) for record in file]


# --- FASTQ and truth tables: what is refused, where, and what to do

GOOD = fastq("abc")
LINES = GOOD.splitlines(keepends=True)
TRUE = table([("a", 1, ""), ("b", 0, "E_coli"), ("c", "no", "E_coli")])
REFUSED = {
    "truncated gzip": (
        {"one": gzip.compress(fastq(range(2000)).encode())[:-40]},
        [r"fastq1 line \d+: the compressed file is truncated or damaged here; fetch the file again"],
    ),
    "damaged gzip": (
        {"one": gzip.compress(GOOD.encode())[:-8] + b"\0\0\0\0\0\0\0\0"},
        [r"fastq1 line \d+: the compressed file is truncated or damaged here; fetch"],
    ),
    "cut off in the last record": ({"one": "".join(LINES[:10])}, ["fastq1 line 9: a record that is cut short; fetch"]),
    "cut off in the last line": (
        {"one": GOOD[:-20]},
        ["fastq1 line 12: more or fewer qualities than bases; repair"],
    ),
    "empty": ({"one": ""}, ["fastq1 line 1: no read in the file; give a FASTQ file"]),
    "empty gzip": ({"one": gzip.compress(b"")}, ["fastq1 line 1: no read in the file; give a FASTQ file"]),
    "blank lines only": ({"one": "\n\n\n"}, ["fastq1 line 1: no read in the file"]),
    "FASTA in place of FASTQ": ({"one": f">a\n{BASES}\n>b\n{BASES}\n"}, ["fastq1: a FASTA file"]),
    "a line lost": ({"one": "".join(LINES[:5] + LINES[6:])}, [r"fastq1 line 7: no \+ between bases and qualities"]),
    "mates out of order": (
        {"one": fastq("abcd"), "two": fastq("acbd")},
        [
            r"fastq2 line 5: not the mate of the read at this place of fastq1 \(mates out of order or missing\); put",
            "fastq2 line 9: not the mate",
        ],
    ),
    "a mate missing in the middle": (
        {"one": fastq("abcd"), "two": fastq("acd")},
        ["fastq2 line 5: not the mate", "fastq2 line 9: not the mate"],
    ),
    "a mate missing at the end": (
        {"one": fastq("abc"), "two": fastq("ab")},
        ["fastq1 line 9: a read without a mate: fastq2 has ended before; give both files whole, without single mates"],
    ),
    "second file longer": (
        {"one": fastq("ab"), "two": fastq("abc")},
        ["fastq2 line 9: a read without a mate: fastq1 has ended before"],
    ),
    "both mates in one file": (
        {"one": fastq(["a/1", "a/2", "b/1", "b/2"])},
        [r"fastq1 line 5: the mate of an earlier read \(both mates in one file\?\); put the mates into two files"],
    ),
    "a character that is no base": (
        {"one": fastq("a") + fastq("b", bases="ACGT!" * 10)},
        ["fastq1 line 6: a character that is no base; repair the file"],
    ),
    "a character that is no quality": (
        {"one": fastq("a", quality="\x7f")},
        [r"fastq1 line 4: a character that is no quality; give qualities as Phred \+ 33"],
    ),
    "a read without a name": ({"one": f"@\n{BASES}\n+\n{'I' * 50}\n"}, ["fastq1 line 1: a read without a name"]),
    "reads shorter than k": (
        {"one": fastq("a") + fastq("b", bases="ACGT" * 5)},
        ["fastq1 line 6: a read of less than 35 bases, which no tool can judge; set own_reads.short: drop"],
    ),
    "reads without a base": (
        {"one": fastq("a"), "two": fastq("a", bases="")},
        ["fastq2 line 2: a read of less than 35 bases"],
    ),
    "only short reads, dropped": (
        {"one": fastq("a", bases="ACGT"), "drop_short": True},
        ["own_reads: no fragment is left; lower own_reads.shortest_bp"],
    ),
    "a truth table with an unknown fragment": (
        {"one": GOOD, "truth": TRUE + f"{CANARY}_d\t1\t\n"},
        ["truth line 5: a fragment that is not in the reads; take the row out"],
    ),
    "a truth table that lacks a fragment": (
        {"one": fastq("abcd"), "truth": TRUE},
        ["fastq1 line 13: a fragment that the truth table lacks; add its row"],
    ),
    "a truth table with a fragment twice": (
        {"one": GOOD, "truth": TRUE + f"{CANARY}_b\t1\t\n"},
        ["truth line 5: a fragment that an earlier row has already; give every fragment one row"],
    ),
    "a truth table without fragment names": (
        {"one": GOOD, "truth": TRUE + "\t1\t\n"},
        ["truth line 5: a row without a fragment; name every fragment"],
    ),
    "a truth table that says neither yes nor no": (
        {"one": GOOD, "truth": TRUE.replace("\t1\t", "\tmaybe\t")},
        ["truth line 2: is_human is neither yes nor no; write 1 or 0"],
    ),
    "a truth table without its columns": (
        {"one": GOOD, "truth": "read\thuman\n"},
        ["truth line 1: no column fragment, is_human, taxon; name the columns"],
    ),
    "a truth table with a short row": (
        {"one": GOOD, "truth": TRUE + f"{CANARY}_z\n"},
        ["truth line 5: not as many columns as the first line names; put a tab"],
    ),
    "a truncated truth table": (
        {"one": GOOD, "truth": gzip.compress(TRUE.encode())[:-6]},
        [r"truth line \d: the compressed file is truncated or damaged here"],
    ),
    "a damaged Parquet truth table": ({"one": GOOD, "truth": b"PAR1 and no more"}, ["truth: the Parquet file is tr"]),
    "a fragment's name twice in the reads": (
        {"one": fastq("abca"), "truth": TRUE},
        ["fastq1 line 13: a fragment's name for the second time; use every name once"],
    ),
    "several at once": (
        {
            "one": fastq("a", bases="AC!T" * 10) + fastq("xyb"),
            "two": fastq("a") + fastq("xy") + fastq("c"),
            "truth": TRUE + f"{CANARY}_b\tno\t\n",
        },
        [
            "truth line 5: a fragment that an earlier row has", "fastq1 line 2: a character that is no base",
            "fastq2 line 13: not the mate", "fastq1 line 5: a fragment that the truth table lacks",
            "fastq1 line 9: a fragment that the truth table lacks", "truth line 4: a fragment that is not in the reads",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_users_files_are_refused_with_file_and_line(name, tmp_path):
    content, expected = REFUSED[name]
    with pytest.raises(AvatarflowError) as refused:
        take(tmp_path, **content)
    for pattern in expected:
        assert any(re.match(pattern, line) for line in str(refused.value).splitlines()), str(
            refused.value
        )
    assert CANARY not in str(refused.value)
    assert not (tmp_path / "out").exists() or not [*(tmp_path / "out").iterdir()]


def test_a_thousand_problems_are_ten_lines_and_a_count(tmp_path):
    with pytest.raises(AvatarflowError) as refused:
        take(tmp_path, fastq(range(1000), bases="AC!T"), shortest_bp=1)
    lines = str(refused.value).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "fastq1: 990 more lines: a character that is no base; repair the file"


# --- and what is taken, with the result

TAKEN = {
    "CRLF": ({"one": GOOD.replace("\n", "\r\n")}, [("r000000000", BASES, "I" * 50)] * 1),
    "IUPAC codes become N": ({"one": fastq("a", bases="RYSWKMBDHVN" + BASES)},
                             [("r000000000", "N" * 11 + BASES, "I" * 61)]),
    "lower case and U": ({"one": fastq("a", bases=BASES.lower().replace("t", "u"))}, [("r000000000", BASES, "I" * 50)]),
    "gzip in members": ({"one": gzip.compress(fastq("a").encode()) + gzip.compress(fastq("b").encode())},
                        [("r000000000", BASES, "I" * 50), ("r000000001", BASES, "I" * 50)]),
    "blank lines at the end": ({"one": fastq("a") + "\n\n"}, [("r000000000", BASES, "I" * 50)]),
    "reads shorter than k, dropped": ({"one": fastq("a", bases="ACGT") + fastq("b"), "drop_short": True},
                                      [("r000000000", BASES, "I" * 50)]),
    "a quality line that begins with @": ({"one": fastq("a", quality="@")}, [("r000000000", BASES, "@" * 50)]),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_what_can_be_understood_is_taken(name, tmp_path):
    content, expected = TAKEN[name]
    assert read(take(tmp_path, **content) / "reads_1.fastq.gz")[: len(expected)] == expected


def test_mates_keep_together_under_neutral_names_and_nothing_of_the_old_ones_is_left(tmp_path):
    one, two = (
        fastq(["a/1", "b/1", "c/1"]),
        fastq(["a/2", "b/2", "c/2"], bases=BASES[::-1], quality="5"),
    )
    out = take(tmp_path, gzip.compress(one.encode()), two, TRUE)
    assert [name for name, *_ in read(out / "reads_1.fastq.gz")] == [f"r{i:09d}" for i in range(3)]
    assert read(out / "reads_2.fastq.gz")[2] == ("r000000002", BASES[::-1], "5" * 50)
    told = pd.read_parquet(out / "truth.parquet")
    assert told.to_dict("list") == {
        "fragment": [f"r{i:09d}" for i in range(3)], "source": ["human", "microbe", "microbe"],
        "taxon": ["human", "E_coli", "E_coli"], "part": ["", "", ""],
    }  # fmt: skip
    found = json.loads((out / "summary.json").read_text())
    assert (found["fragments"], found["reads"], found["length_median"]) == (3, 6, 50)
    assert found["error"] == pytest.approx((1e-4 + 1e-2) / 2)
    for path in out.iterdir():
        content = path.read_bytes()
        assert CANARY.encode() not in (
            gzip.decompress(content) if path.suffix == ".gz" else content
        ), path.name


def test_a_parquet_truth_and_dropped_fragments_stay_aligned(tmp_path):
    tmp_path.joinpath("t").mkdir()
    rows = {"fragment": [f"{CANARY}_{x}" for x in "cba"], "is_human": [False, True, False], "taxon": ["x", None, ""],
            "part": ["", "chrM", ""]}  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "t" / "truth.parquet")
    out = take(
        tmp_path,
        fastq("a", bases="ACGT") + fastq("bc"),
        None,
        (tmp_path / "t/truth.parquet").read_bytes(),
        drop_short=True,
    )
    told = pd.read_parquet(out / "truth.parquet")
    assert told["taxon"].tolist() == ["human", "x"]
    assert told["part"].tolist() == ["chrM", ""]
    assert json.loads((out / "summary.json").read_text())["short_fragments_left_out"] == 1


def test_blocks_change_nothing(tmp_path, monkeypatch):
    rows = [(f"{i}", i % 2, "E") for i in range(50)]
    reads = fastq(range(50))
    whole = take(tmp_path / "a", reads, None, table(rows))
    monkeypatch.setattr("avatarflow.reads.user_reads.take.BLOCK", 7)
    parts = take(tmp_path / "b", reads, None, table(rows))
    assert read(whole / "reads_1.fastq.gz") == read(parts / "reads_1.fastq.gz")
    assert pd.read_parquet(whole / "truth.parquet").equals(pd.read_parquet(parts / "truth.parquet"))


# --- references and panels

HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tp1\tp2\n"
REFERENCE = {"fasta": None, "region": None, "generated_bp": 10_000}
GENERATED = {"count": 1, "length_bp": 10_000}


def prepared(folder, content):
    (folder / "host.fa").write_bytes(content if isinstance(content, bytes) else content.encode())
    reference = {**REFERENCE, "fasta": str(folder / "host.fa")}
    prepare_genomes(
        reference,
        {},
        GENERATED,
        1,
        str(folder / "out/host.fa"),
        str(folder / "out/microbes.fa"),
        Step.null(),
    )
    return read_fasta(folder / "out/host.fa")


BAD_REFERENCES = {
    "truncated gzip": (gzip.compress(b">a\n" + b"ACGTAGCATT" * 5000)[:-10], r"host.fa line \d+: the compressed"),
    "no header": ("ACGT\n", "host.fa line 1: sequence before the first header"),
    "an empty file": ("", "host.fa line 1: no FASTA record"),
    "a record without sequence": (">a\n>b\nACGT\n", "host.fa line 1: a record without sequence"),
    "a name twice": (">a x\nAC\n>a y\nAC\n", "host.fa line 3: the name 'a' a second time"),
    "contig names with spaces that are equal": (">chr 1\nAC\n>chr 2\nGT\n", "line 3: the name 'chr' a second"),
    "a header without a name": ("> chr1\n>\nACGT\n", "host.fa line 1|host.fa line 2"),
    "a character that is no base": (">a\nACGT\nAC*T\n", "host.fa line 3: a character that is no base"),
    "nothing but N": (">a\n" + "N" * 5000 + "\n", "reference: no base that is known, only N"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_REFERENCES)
def test_a_bad_reference_is_refused_with_file_and_line(name, tmp_path):
    content, expected = BAD_REFERENCES[name]
    with pytest.raises(AvatarflowError, match=expected):
        prepared(tmp_path, content)
    assert not (tmp_path / "out").exists() or not [*(tmp_path / "out").iterdir()]


GOOD_REFERENCES = {
    "lower case": (">a\nacgtn\n", [("a", "ACGTN")]),
    "N-rich": (">a\n" + "N" * 90 + "ACGTACGTAC\n", [("a", "N" * 90 + "ACGTACGTAC")]),
    "CRLF": (">a x\r\nACGT\r\n>b\r\nGGCC\r\n", [("a", "ACGT"), ("b", "GGCC")]),
    "IUPAC codes become N": (">a\nARYSWKMBDHVT\n", [("a", "ANNNNNNNNNNT")]),
    "contig names with spaces": (
        ">chr1 Homo sapiens 1\nAC\n>chr2 Homo sapiens 2\nGT\n",
        [("chr1", "AC"), ("chr2", "GT")],
    ),
}


@pytest.mark.parametrize("name", GOOD_REFERENCES)
def test_a_reference_that_can_be_understood_is_taken(name, tmp_path):
    content, expected = GOOD_REFERENCES[name]
    genome = prepared(tmp_path, content)
    assert [
        (contig, "".join("ACGTN"[code] for code in codes)) for contig, codes in genome.contigs()
    ] == expected


def row(position, ref, alt, *calls, contig="a"):
    return (
        "\t".join(
            [contig, str(position), ".", ref, alt, ".", ".", ".", "GT", *(calls or ("0|1", "1|1"))]
        )
        + "\n"
    )


BAD_PANELS = {
    "off the reference": (row(3, "A", "T"), "line 3: REF differs from the reference genome"),
    "truncated": (row(3, "G", "T")[:-8], "line 3: 10 columns where the header has 11"),
    "truncated gzip": (gzip.compress((HEAD + row(3, "G", "T") * 500).encode())[:-20], r"line \d+: the compressed file"),
    "no position": (row("x", "G", "T"), "line 3: a position that is no number"),
    "unphased": (row(3, "G", "T", "0/1", "0|0"), "line 3: an unphased genotype"),
    "not diploid": (row(3, "G", "T", "0|1|1", "0|0"), "line 3: a genotype that is not diploid"),
    "no site on the reference": (row(3, "G", "T", contig="chr99"), ": no site on the reference; give a panel"),
    "an allele that is not there": (row(3, "G", "T", "0|2", "0|0"), "line 3: a genotype that names an allele"),
    "another person": (row(3, "G", "T"), "line 2: the asked sample is not in this panel"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_PANELS)
def test_a_bad_panel_is_refused_with_file_and_line(name, tmp_path):
    content, expected = BAD_PANELS[name]
    data = content if isinstance(content, bytes) else (HEAD + content).encode()
    (tmp_path / "panel.vcf").write_bytes(data)
    genome = read_fasta(written(tmp_path))
    sample = "p9" if name == "another person" else "p1"
    with pytest.raises(AvatarflowError, match=rf"panel.vcf ?{expected}"):
        panel_variants(tmp_path / "panel.vcf", Person(sample), genome)


def written(folder):
    (folder / "host.fa").write_text(">a\nACGTACGTAC\n")
    return folder / "host.fa"


def test_all_lines_of_a_vcf_off_the_reference_are_told_at_once(tmp_path):
    rows = "".join(row(3, "A", "T") for _ in range(30))
    (tmp_path / "panel.vcf").write_text(HEAD + rows)
    with pytest.raises(AvatarflowError) as refused:
        read_panel(tmp_path / "panel.vcf", read_fasta(written(tmp_path)))
    lines = str(refused.value).splitlines()
    assert len(lines) == 21
    assert "10 more such lines" in lines[-1]


def test_of_overlapping_variants_the_first_stays_and_the_individual_is_whole(tmp_path):
    rows = (
        row(2, "CGT", "C", "1|1", "0|0")
        + row(3, "G", "T", "1|1", "0|0")
        + row(7, "G", "A", "1|0", "0|0")
    )
    (tmp_path / "panel.vcf").write_text(HEAD + rows)
    rates = {"indel_share": 0.0, "indel_mean_bp": 2.5, "homozygous_share": 0.35, "ti_tv": 2.1}
    panel = {"panel": str(tmp_path / "panel.vcf"), "sample": "p1"}
    make_individual(
        str(written(tmp_path)),
        Donor("d", 0.0, Rates.of(rates), 1, **panel),
        outputs_in(tmp_path / "out"),
        Step.null(),
    )
    assert read_fasta(tmp_path / "out/haplotype1.fa").codes.tolist() == [
        0,
        1,
        0,
        1,
        0,
        3,
        0,
        1,
    ]  # AC|AC A T AC
    assert read_fasta(tmp_path / "out/haplotype2.fa").codes.tolist() == [0, 1, 0, 1, 2, 3, 0, 1]
    assert isinstance(read_fasta(tmp_path / "out/haplotype1.fa"), Genome)
