"""Kinds of files in the test sets of other projects (decision 0060), each made here: its reads, or its true reason."""

import bz2
import gzip

import pysam
import pytest
from test_reads_bad_input import BASES, CANARY, fastq, read, take
from test_real_files import refusal

I50 = "I" * 50


def sam(*rows, header="@HD\tVN:1.6\n"):
    """SAM of rows (flag, reference, bases, qualities), named by their numbers."""
    return header + "".join(
        f"{CANARY}{number}\t{flag}\t{reference}\t{0 if reference == '*' else 5}\t0\t"
        f"{'*' if flag & 4 else '50M'}\t*\t0\t0\t{bases}\t{qualities}\n"
        for number, (flag, reference, bases, qualities) in enumerate(rows)
    )


UNMAPPED = (4, "*", BASES, I50)
ONE = [("r000000000", BASES, I50)]


# --- FASTQ

LINES = fastq("abc").splitlines(keepends=True)
REFUSED = {
    "FASTA": (f">{CANARY}\n{BASES}\n", "fastq1: a FASTA file, which has no qualities; give the reads as FASTQ"),
    "bases over several lines": (
        f"@{CANARY}\n{BASES[:25]}\n{BASES[25:]}\n+\n{I50[:25]}\n{I50[25:]}\n",
        "fastq1 line 3: bases over several lines; write every read in four lines",
    ),
    "a lost + before qualities that are letters of bases": (
        fastq("ab", quality="B").replace("+\n", "", 1),
        "fastq1 line 3: no + between bases and qualities (lines lost or added above)",
    ),
    "a lost line of bases": ("".join(LINES[:1] + LINES[2:]), "fastq1 line 3: no + between bases and qualities"),
    "a blank first line": ("\n" + fastq("a"), "fastq1 line 1: a blank line where a record should begin; take"),
    "a blank line between records": (
        fastq("a") + "\n" + fastq("b"),
        "fastq1 line 5: a blank line where a record should begin; take the blank lines out",
    ),
    "as many blank lines as a record has": (
        fastq("a") + "\n" * 4 + fastq("b"),
        "fastq1 line 5: a blank line where a record should begin",
    ),
    "blank lines in place of qualities": (
        f"@{CANARY}\n{BASES}\n+\n\n" + fastq("b"),
        "fastq1 line 4: more or fewer qualities than bases; repair the file, or write every read in four lines",
    ),
    "another name after +": (
        fastq("ab").replace("+\n", f"+{CANARY}_c\n", 1),
        "fastq1 line 3: another name after + than after @ (lines lost or added?); fetch the file again, or leave",
    ),
    "another name of one letter after +": (
        f"@a\n{BASES}\n+b\n{I50}\n",
        "fastq1 line 3: another name after + than after @",
    ),
    "colours": (
        f"@{CANARY}\nT{'0123.' * 8}\n+\n{'I' * 41}\n",
        "fastq1 line 2: colours of SOLiD in place of bases; give the reads in bases",
    ),
    "a digit among bases": (fastq("a", bases=BASES + "1"), "fastq1 line 2: a character that is no base; repair"),
    "a colour before bases": (fastq("a", bases="T1" + BASES), "fastq1 line 2: a character that is no base; repair"),
    "carriage returns alone": (
        fastq("ab").replace("\n", "\r"),
        "fastq1 line 1: lines that end in carriage returns alone; write line ends of Unix or Windows",
    ),
    "carriage returns alone, cut off": (f"@{CANARY}\r\n{BASES}\r\n", "fastq1 line 1: a record that is cut short"),
    "qualities as numbers": (
        f"@{CANARY}\nACGT\n+\n40 40 40 40\n",
        "fastq1 line 4: a character that is no quality; give qualities as Phred + 33, or repair the file",
    ),
    "other text": ("lorem ipsum\n" * 8, "fastq1 line 1: no record begins here: no @"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_fastq_is_refused_for_its_true_reason(name, tmp_path):
    text, reason = REFUSED[name]
    assert any(line.startswith(reason) for line in refusal(tmp_path, text).splitlines())


@pytest.mark.parametrize(
    "text",
    [
        f"@{CANARY} lane 1\n{BASES}\n+{CANARY} lane 1\n{I50}\n",
        f"@{CANARY} lane 1\r\n{BASES}\r\n+{CANARY}\r\n{I50}\r\n",
        f"@{CANARY}\n{BASES}\n+ \n{I50}\n\n\n\n\n \n",
        f"@a\n{BASES}\n+a\n{I50}",
    ],
)
def test_the_name_again_after_plus_and_blank_lines_at_the_end_are_taken(text, tmp_path):
    assert read(take(tmp_path, text) / "reads_1.fastq.gz") == ONE


# --- SAM, BAM and CRAM

TAKEN = {
    "no header": sam(UNMAPPED, header=""),
    "a comment first": sam(UNMAPPED, header="@CO\tACGT\n"),
    "a length before its name": sam((0, "c", BASES, I50), header="@SQ\tLN:1000\tSN:c\n"),
    "gzip, no header": gzip.compress(sam(UNMAPPED, header="").encode()),
    "Windows line ends": sam(UNMAPPED).replace("\n", "\r\n"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_sam_is_known_however_it_begins(name, tmp_path):
    assert read(take(tmp_path, TAKEN[name]) / "reads_1.fastq.gz") == ONE


def test_the_highest_quality_of_alignments_is_taken_as_it_is(tmp_path):
    text = sam((4, "*", BASES, "!~" * 25))
    assert read(take(tmp_path, text) / "reads_1.fastq.gz")[0][2] == "!~" * 25


LOST = (16, "c", "*", "*")  # of the other strand, without bases
SQ = "@SQ\tSN:c\tLN:1000\n"
SAM_REFUSED = {
    "mapped, no header": (
        sam((0, "c", BASES, I50), header=""),
        "fastq1 record 1: SAM without its header; give it with its header, as samtools view -h writes it",
    ),
    "mates, no header": (sam((77, "*", BASES, I50), header=""), "fastq1 record 1: mates in one file of alignments"),
    "no qualities on the other strand": (
        sam((16, "c", BASES, "*"), header=SQ),
        "fastq1 record 1: a read without qualities; give the reads with qualities",
    ),
    "no bases on the other strand": (sam(UNMAPPED, LOST, header=SQ), "fastq1 record 2: a read of less than 35 bases"),
    "a letter that is no base": (
        sam(UNMAPPED, (4, "*", "=" * 50, I50)),
        "fastq1 record 2: a character that is no base; repair the file",
    ),
    "a quality of 94": (sam((4, "*", BASES, "\x7f" * 50)), "fastq1 record 1: a character that is no quality"),
    "damaged": (sam(UNMAPPED, (4, "*", BASES, I50 + "I")), "fastq1 record 2: alignments that cannot be read (trunc"),
    "a name in Latin-1": (
        sam(UNMAPPED).encode() + sam(UNMAPPED, header="").encode().replace(b"0", "ä".encode("latin-1"), 1),
        "fastq1 record 2: a name with letters that are not UTF-8; name the reads in ASCII",
    ),
    "a comment alone": ("@CO\tnothing\n", "fastq1 record 1: no read in the file"),
    "bzip2": (
        bz2.compress(sam(UNMAPPED).encode()),
        "fastq1 record 1: alignments behind a byte order mark, or in another packing than gzip; give them plain",
    ),
    "a byte order mark": ("\ufeff" + sam(UNMAPPED), "fastq1 record 1: alignments behind a byte order mark"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAM_REFUSED)
def test_alignments_are_refused_for_their_true_reason(name, tmp_path):
    text, reason = SAM_REFUSED[name]
    assert refusal(tmp_path, text).startswith(reason)


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_phred_64_is_recognised_in_alignments_and_converted_where_it_is_said(mode, tmp_path):
    """Writers that stored the characters of Phred + 64 as they were made every read look error-free."""
    old = "".join(chr(64 + quality) for quality in (2, 2, 40, 30, 20) * 10)
    row = sam((4, "*", BASES, old), header="").rstrip("\n")
    header = pysam.AlignmentHeader.from_dict({"HD": {"VN": "1.6"}})
    with pysam.AlignmentFile(str(tmp_path / "x"), mode, header=header) as file:
        file.write(pysam.AlignedSegment.fromstring(row, header))
    data = (tmp_path / "x").read_bytes()
    assert refusal(tmp_path / "a", data) == (
        "fastq1: qualities that look like Phred + 64 (none below 26 and some above 41); "
        "set own_reads.quality_offset to 64, or to 33 if they are Phred + 33"
    )
    converted = take(tmp_path / "b", data, quality_offset=64)
    assert read(converted / "reads_1.fastq.gz")[0][2] == "##I?5" * 10
    as_is = take(tmp_path / "c", data, quality_offset=33)
    assert read(as_is / "reads_1.fastq.gz")[0][2] == old


def cram(folder, version, reference=None):
    """A read of chromosome c: with its bases, or with what differs from a reference (nothing)."""
    options = [f"version={version}".encode(), b"no_ref=1" if reference is None else b"no_ref=0"]
    header = pysam.AlignmentHeader.from_dict({"SQ": [{"SN": "c", "LN": 1000}]})
    path = folder / "x.cram"
    with pysam.AlignmentFile(
        str(path), "wc", header=header, reference_filename=reference, format_options=options
    ) as file:
        row = sam((0, "c", BASES, I50), header="").rstrip("\n")
        file.write(pysam.AlignedSegment.fromstring(row, header))
    return path.read_bytes()


@pytest.mark.parametrize(("version", "end"), [("2.1", 30), ("3.0", 38), ("3.1", 38)])
def test_a_cram_without_its_end_is_never_taken_for_a_shorter_one(version, end, tmp_path):
    data = cram(tmp_path, version)
    assert read(take(tmp_path / "whole", data) / "reads_1.fastq.gz") == ONE
    for number, cut in enumerate((data[:-end], data[:-1], data[:26], data[:4])):
        message = refusal(tmp_path / str(number), cut)
        assert "truncated" in message
        assert "no read in the file" not in message
    assert "another packing than gzip" in refusal(tmp_path / "gzip", gzip.compress(data))


def test_a_cram_2_whose_end_is_marked_with_all_bits_is_whole(tmp_path):
    """Of the ninth byte of the marker only the lower half counts, where no checksum covers it."""
    data = bytearray(cram(tmp_path, "2.1"))
    data[8 - 30] |= 0xF0
    assert read(take(tmp_path / "a", bytes(data)) / "reads_1.fastq.gz") == ONE


def test_a_cram_whose_reference_is_elsewhere_is_told_from_a_damaged_one(tmp_path, monkeypatch):
    monkeypatch.setenv("REF_PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("REF_CACHE", str(tmp_path / "nothing"))
    reference = tmp_path / "reference.fa"
    reference.write_text(f">c\nACGT{BASES * 20}\n"[:1003] + "\n")
    data = cram(tmp_path, "3.0", str(reference))
    reference.unlink()
    (tmp_path / "reference.fa.fai").unlink()
    assert refusal(tmp_path / "a", data) == (
        "fastq1 record 1: a CRAM whose reference is not on this machine; "
        "make FASTQ of it with samtools fastq --reference and the FASTA that it was made with"
    )
    middle = len(data) * 2 // 3
    damaged = (
        data[:middle]
        + bytes(byte ^ 255 for byte in data[middle : middle + 20])
        + data[middle + 20 :]
    )
    assert "cannot be read (truncated or damaged)" in refusal(tmp_path / "b", damaged)
