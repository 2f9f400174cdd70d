"""What a tool's answer says of each mate, format by format."""

import gzip

import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.removal.calls import READERS, read_calls

REST = "*\t0\t0\t*\t*\t0\t0\tA\tI"
SAM = ["@HD\tVN:1.6", f"r0\t77\t{REST}", f"r0\t141\t{REST}", f"r1\t73\t{REST}", f"r1\t133\t{REST}",
       f"r2\t83\t{REST}", f"r2\t163\t{REST}", f"r2\t2129\t{REST}"]  # fmt: skip
FASTQ = ["@r1/1 more", "A", "+", "@"]  # a quality line may begin as a name does
NO, YES = [False, False], [True, True]


def calls(folder, how, *, names=("r0", "r1", "r2"), **answers):
    for suffix, lines in answers.items():
        (folder / suffix).write_text("".join(f"{line}\n" for line in lines))
    how = how if isinstance(how, dict) else {"format": how}
    return read_calls(how, folder / "answer", names, "x")[["mate1", "mate2"]].to_numpy().tolist()


def test_sam_pairs_secondary_lines_left_out(tmp_path):
    assert calls(tmp_path, "sam", answer=SAM) == [NO, [True, False], YES]


def test_sam_of_single_reads_speaks_of_the_fragment(tmp_path):
    lines = [f"r0\t4\t{REST}", f"r1\t0\t{REST}", f"r2\t16\t{REST}"]
    assert calls(tmp_path, "sam", answer=lines) == [NO, YES, YES]


def test_mates_that_were_judged_apart(tmp_path):
    one = [f"r0\t4\t{REST}", f"r1\t0\t{REST}", f"r2\t4\t{REST}"]
    two = [f"r0\t4\t{REST}", f"r1\t4\t{REST}", f"r2\t0\t{REST}"]
    assert calls(tmp_path, "sam", answer1=one, answer2=two) == [NO, [True, False], [False, True]]


@pytest.mark.parametrize(
    ("score", "human"), [("AS:i:60", True), ("AS:i:59", False), ("NM:i:99", False)]
)
def test_an_alignment_counts_from_a_score_on(tmp_path, score, human):
    how = {"format": "sam", "tag": "AS", "least": 60}
    assert calls(tmp_path, how, names=["r0"], answer=[f"r0\t0\t{REST}\tXX:i:1\t{score}"]) == [
        [human, human]
    ]


def test_kraken_and_centrifuge_in_any_order(tmp_path):
    kraken = ["U\tr1\t0\t150|150\tx", "C\tr0\t9606\t150|150\tx"]
    assert calls(tmp_path, "kraken", names=["r0", "r1"], answer=kraken) == [YES, NO]
    rest = "\t0\t0\t0\t0\t0\t1"
    table = [
        "readID\tseqID" + rest,
        "r1\tunclassified" + rest,
        "r0\tchr1" + rest,
        "r0\tchr2" + rest,
    ]
    assert calls(tmp_path, "centrifuge", names=["r0", "r1"], answer=table) == [YES, NO]


@pytest.mark.parametrize(
    ("kind", "expected"), [("kept", [YES, NO, YES]), ("removed", [NO, YES, NO])]
)
@pytest.mark.parametrize("lines", [FASTQ, ["r1#0/1"], ["r1 and more", ""]])
def test_what_is_left_or_gone_as_fastq_or_names(tmp_path, kind, expected, lines):
    assert calls(tmp_path, kind, answer=lines) == expected


def test_nothing_left_means_all_human_and_gzip_is_read(tmp_path):
    assert calls(tmp_path, "kept", answer=[]) == [YES] * 3
    (tmp_path / "answer").write_bytes(
        gzip.compress("".join(f"{line}\n" for line in FASTQ).encode())
    )
    assert calls(tmp_path, "kept") == [YES, NO, YES]


def test_paf_names_what_is_aligned(tmp_path):
    assert calls(tmp_path, "paf", answer1=["r1" + "\t0" * 11], answer2=[]) == [
        NO,
        [True, False],
        NO,
    ]


def test_refuses_left_out_and_unknown_fragments(tmp_path):
    with pytest.raises(AvatarflowError, match="tool x: 1 fragments without call, 0 unknown"):
        calls(tmp_path, "sam", names=["r0", "r1", "r2", "r3"], answer=SAM)
    with pytest.raises(AvatarflowError, match="0 fragments without call, 1 unknown"):
        calls(tmp_path, "removed", answer=["r9"])
    # half a pair is no call
    with pytest.raises(AvatarflowError, match="1 fragments without call"):
        calls(tmp_path, "sam", names=["r0"], answer=[f"r0\t77\t{REST}"])


@pytest.mark.parametrize("kind", sorted(READERS))
def test_refuses_an_answer_that_is_cut_short_or_absent(tmp_path, kind):
    with pytest.raises(AvatarflowError, match="wrote no answer"):
        calls(tmp_path, kind)
    cut = ["@r0", "ACG"] if kind in ("kept", "removed") else ["r0\t7"]
    with pytest.raises(AvatarflowError, match=r"answer line [12]: no \w+ line"):
        calls(tmp_path, kind, names=["r0"], answer=cut)
