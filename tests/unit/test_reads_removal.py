"""Running tools: what they say per fragment, what they took, and how they fail."""

import json
import sys

import pandas as pd
import pytest

from avatarflow.errors import AvatarflowError
from avatarflow.reads.removal import build_index, remove_reads, require
from avatarflow.reads.verdicts import kraken_verdicts, sam_verdicts
from avatarflow.runtime import Step

REST = "*\t0\t0\t*\t*\t0\t0\tA\tI"
SAM = "".join(
    f"{line}\n"
    for line in (
        "@HD\tVN:1.6", f"r0\t77\t{REST}", f"r0\t141\t{REST}", f"r1\t73\t{REST}", f"r1\t133\t{REST}",
        f"r2\t83\t{REST}", f"r2\t163\t{REST}", f"r2\t2129\t{REST}", f"r3\t77\t{REST}", f"r3\t141\t{REST}",
    )
)  # fmt: skip
FAKE = {
    "needs": ["cat"],
    "version": "echo fake 1.0",
    "index": "cp {host} {index}/host",
    "remove": "cat {reads1} > {answer}; cat {index}/host > /dev/null",
    "verdicts": "sam",
    "settings": {"default": ""},
}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "host.fa").write_text(">a\nACGT\n")
    (tmp_path / "answer with space.sam").write_text(SAM)
    return tmp_path


def removed(files, tool, mate_rule):
    index, reads = str(files / "index"), str(files / "answer with space.sam")
    build_index("fake", tool, "", str(files / "host.fa"), index, str(files / "index.json"), 1, Step.null())
    out = str(files / "verdicts.parquet"), str(files / "run.json")
    remove_reads("fake", tool, "", index, (reads, reads), mate_rule, *out, 1, Step.null())
    return pd.read_parquet(out[0])


@pytest.mark.parametrize(
    ("rule", "expected"), [("either", [False, True, True, False]), ("both", [False, False, True, False])]
)
def test_mate_rule(files, rule, expected):
    table = removed(files, FAKE, rule)
    assert table["fragment"].tolist() == ["r0", "r1", "r2", "r3"]
    assert table["removed"].tolist() == expected
    assert table["mate1"].tolist() == [False, True, True, False]


def test_time_peak_and_version_are_recorded(files):
    hungry = {
        **FAKE,
        "remove": f"{sys.executable} -c 'x = b\"1\" * 120_000_000; import time; time.sleep(.2)'; " + FAKE["remove"],
    }
    removed(files, hungry, "either")
    index, run = (json.loads((files / name).read_text()) for name in ("index.json", "run.json"))
    assert index["version"] == "fake 1.0"
    assert index["peak_mb"] < 30  # this test's own size must not count
    assert 110 < run["peak_mb"] < 200
    assert 0.2 < run["seconds"] < 5


def test_refuses_a_missing_tool_by_name():
    with pytest.raises(AvatarflowError, match=r"tool ghost: no-such-tool not found on PATH; install it"):
        require("ghost", {**FAKE, "needs": ["cat", "no-such-tool"]})


def test_a_crash_is_an_error_and_leaves_no_verdicts(files):
    with pytest.raises(AvatarflowError, match="tool fake: it ended with exit code 3"):
        removed(files, {**FAKE, "remove": "cat {reads1} > {answer}; exit 3"}, "either")
    assert not (files / "verdicts.parquet").exists()
    assert not (files / "run.json").exists()


def test_a_crash_in_a_pipe_is_an_error(files):
    with pytest.raises(AvatarflowError, match="exit code 1"):
        removed(files, {**FAKE, "remove": "false | cat > {answer}"}, "either")


def test_kraken_pairs(tmp_path):
    (tmp_path / "a").write_text("U\tr1\t0\t150|150\tx\nC\tr0\t9606\t150|150\tx\n")  # as threads may answer
    assert kraken_verdicts(tmp_path / "a")[["mate1", "mate2"]].to_numpy().tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("reader", [sam_verdicts, kraken_verdicts])
def test_refuses_an_answer_that_is_cut_short(tmp_path, reader):
    (tmp_path / "a").write_text("r0\t7")
    with pytest.raises(AvatarflowError, match="answer line 1"):
        reader(tmp_path / "a", "x")
    with pytest.raises(AvatarflowError, match="wrote no answer"):
        reader(tmp_path / "none", "x")
