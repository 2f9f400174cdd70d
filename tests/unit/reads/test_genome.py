"""FASTA in and out: what is accepted, and what is refused with file and line."""

import gzip
import lzma
import re

import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.genomes import genome as genome_module
from avatarflow.reads.genomes.genome import Genome, cut, read_fasta, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.simulation.library import unknown_runs

TEXT = b">one first contig\r\nacgtN\r\nACR\r\n>two\nTTTT\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_reads_plain_and_compressed_lower_case_crlf_and_iupac(tmp_path, pack):
    path = tmp_path / "genome"
    path.write_bytes(pack(TEXT))
    genome = read_fasta(path)
    assert genome.names == ("one", "two")
    assert genome.contig(0).tolist() == [0, 1, 2, 3, 4, 0, 1, 4]
    assert genome.contig(1).tolist() == [3, 3, 3, 3]


@pytest.mark.parametrize("length", [1, 79, 80, 81, 160])
def test_what_is_written_reads_back(tmp_path, length):
    genome = Genome.of([("a", np.arange(length, dtype=np.uint8) % 5), ("b", np.zeros(3, np.uint8))])
    write_fasta(tmp_path / "x.fa", genome)
    again = read_fasta(tmp_path / "x.fa")
    assert again.names == genome.names
    assert (again.codes == genome.codes).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "line 1: no FASTA record"),
        (b"ACGT\n", "line 1: sequence before the first header"),
        (b">a\nAC\n>b\n", "line 3: a record without sequence"),
        (b">a\nAC\nA!C\n", "line 3: a character that is no base"),
        (b">a\nAC\n>a\nAC\n", "line 3: the name 'a' a second time"),
        (b">\nAC\n", "line 1: a header without a name"),
    ],
)
def test_refuses_with_file_and_line(tmp_path, text, message):
    path = tmp_path / "bad.fa"
    path.write_bytes(text)
    with pytest.raises(AvatarflowError, match=rf"bad\.fa {message}"):
        read_fasta(path)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_refuses_a_truncated_compressed_file(tmp_path, pack):
    text = b">a\n" + b"\n".join(
        np.random.default_rng(1).choice([b"ACGT", b"TTGA", b"GCGA"], 20000).tolist()
    )
    path = tmp_path / "cut.fa.gz"
    path.write_bytes(pack(text)[:-200])
    with pytest.raises(
        AvatarflowError, match=r"cut\.fa\.gz line \d+: the compressed file is truncated"
    ):
        read_fasta(path)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(AvatarflowError, match="no such file"):
        read_fasta(tmp_path / "none.fa")


def test_region_is_cut_one_based_and_inclusive():
    genome = Genome.of([("7", np.array([0, 1, 2, 3, 0], np.uint8))])
    part = cut(genome, "7:2-4")
    assert part.names == ("7_2_4",)
    assert part.codes.tolist() == [1, 2, 3]


@pytest.mark.parametrize("region", ["7:0-3", "7:2-6", "8:1-2", "7:4-2"])
def test_refuses_a_region_outside_the_genome(region):
    with pytest.raises(AvatarflowError, match="not within the genome"):
        cut(Genome.of([("7", np.zeros(5, np.uint8))]), region)


def test_made_up_genome_depends_on_seed_and_name_only():
    first, again = (random_genome("a", 20000, 0.4, 0.3, 1) for _ in range(2))
    assert (first.codes == again.codes).all()
    assert (first.codes != random_genome("b", 20000, 0.4, 0.3, 1).codes).any()
    assert np.isin(first.codes, (1, 2)).mean() == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("length", [1, 79, 80, 81, 160, 4001])
def test_long_sequences_are_written_in_pieces_as_in_one(tmp_path, monkeypatch, length):
    monkeypatch.setattr(genome_module, "CHUNK_LINES", 3)
    codes = np.random.default_rng(1).integers(0, 5, length).astype(np.uint8)
    write_fasta(tmp_path / "x.fa", Genome.of([("x", codes), ("y", codes)]))
    text = "".join("ACGTN"[code] for code in codes)
    wrapped = "\n".join(text[i : i + 80] for i in range(0, length, 80))
    assert (tmp_path / "x.fa").read_text() == f">x\n{wrapped}\n>y\n{wrapped}\n"


@pytest.mark.parametrize("text", ["", "N", "A", "NNAN", "ANNAANNN", "ACGT"])
def test_runs_of_unknown_bases(text):
    codes = np.array(["ACGTN".index(base) for base in text], np.uint8)
    found = [tuple(run) for run in zip(*map(list, unknown_runs(codes)), strict=True)]
    assert found == [match.span() for match in re.finditer("N+", text)]
