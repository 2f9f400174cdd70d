"""Running tools: what they took, and how they fail without taking others along."""

import json
import sys

import pandas as pd
import pytest

from avatarflow.reads.removal.run import ToolError, ToolSetting, build_index, remove_reads, require
from avatarflow.runs.context import Step

REST = "*\t0\t0\t*\t*\t0\t0\tA\tI"
SAM = "".join(
    f"{line}\n"
    for line in (
        f"r0\t77\t{REST}", f"r0\t141\t{REST}", f"r1\t73\t{REST}", f"r1\t133\t{REST}", f"r2\t83\t{REST}",
        f"r2\t163\t{REST}",
    )
)  # fmt: skip
FAKE = {
    "needs": ["cat"],
    "version": "echo fake 1.0",
    "index": "cp {host} {index}/host",
    "remove": {"pairs": "cat {index}/host > /dev/null; cat {reads2} > {answer}", "single": None},
    "verdicts": {"format": "sam"},
    "settings": {"default": {"index": "", "remove": "", "pairs": None}},
    "memory_mb": 500,
}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "host.fa").write_text(">a\nACGT\n")
    (tmp_path / "reads with space.fastq").write_text("".join(f"@r{i}\nA\n+\nI\n" for i in range(3)))
    (tmp_path / "answer.sam").write_text(SAM)
    return tmp_path


def run(
    files,
    tool,
    mate_rule="either",
    repeats=1,
    reads=("reads with space.fastq", "answer.sam"),
    step=None,
):
    step = step or Step.null()
    index, usage = str(files / "index"), str(files / "index.json")
    chosen = ToolSetting("fake", tool, "default")
    build_index(chosen, str(files / "host.fa"), index, usage, 1, step)
    out = {"calls": str(files / "calls.parquet"), "usage": str(files / "run.json")}
    paths = [str(files / name) for name in reads]
    inputs = {"index": index, "index_usage": usage, "reads": paths}
    remove_reads(chosen, inputs, mate_rule, repeats, out, 1, step)
    return pd.read_parquet(out["calls"]), json.loads((files / "run.json").read_text())


@pytest.mark.parametrize(
    ("rule", "expected"), [("either", [False, True, True]), ("both", [False, False, True])]
)
def test_mate_rule(files, rule, expected):
    table, record = run(files, FAKE, rule)
    assert table["fragment"].tolist() == ["r0", "r1", "r2"]
    assert table["removed"].tolist() == expected
    assert table["mate1"].tolist() == [False, True, True]
    assert record["status"] == "ok"


def test_time_peak_and_version_are_recorded(files):
    hungry = (
        f"{sys.executable} -c 'x = b\"1\" * 120_000_000; import time; time.sleep(.2)'; "
        + FAKE["remove"]["pairs"]
    )
    _, record = run(files, {**FAKE, "remove": {"pairs": hungry, "single": None}}, repeats=2)
    index = json.loads((files / "index.json").read_text())
    assert index["version"] == "fake 1.0"
    assert index["peak_mb"] < 30  # this test's own size must not count
    assert 110 < record["peak_mb"] < 200
    assert 0.2 < record["seconds"] < 10
    assert len(record["seconds_each"]) == 2


def test_a_setting_may_have_its_own_command_for_pairs(files):
    own = {
        "default": {"index": "", "remove": "-n 4", "pairs": "head {options} {reads2} > {answer}"}
    }
    _, record = run(files, {**FAKE, "settings": own})
    assert record["status"] == "failed"  # r2 has no call in the first four lines
    assert "1 fragments without call" in record["reason"]


def test_refuses_a_missing_tool_by_name():
    with pytest.raises(ToolError, match=r"tool ghost: no-such-tool not found on PATH; install it"):
        require("ghost", {**FAKE, "needs": ["cat", "no-such-tool"]})


def pairs(command):
    return {"remove": {"pairs": command, "single": None}}


@pytest.mark.parametrize(
    ("change", "reads", "status", "reason"),
    [
        (pairs("cat {reads2} > {answer}; exit 3"), 2, "failed", "it ended with exit code 3"),
        (pairs("false | cat > {answer}"), 2, "failed", "exit code 1"),
        (pairs("true # {answer}"), 2, "failed", "wrote no answer"),
        ({"index": "exit 4"}, 2, "failed", "exit code 4"),
        ({"needs": ["no-such-tool"]}, 2, "missing", "no-such-tool not found on PATH"),
        ({}, 1, "unsupported", "it takes no single reads"),
    ],
)
def test_a_tool_in_trouble_says_so_and_ends_well(files, change, reads, status, reason):
    step = Step.null()
    table, record = run(
        files, {**FAKE, **change}, reads=["reads with space.fastq", "answer.sam"][:reads], step=step
    )
    assert len(table) == 0
    assert table.columns.tolist() == ["fragment", "mate1", "mate2", "removed"]
    assert record["status"] == status
    assert reason in record["reason"]
    assert record["seconds"] is None
    assert reason in step.failure  # so the run is FAILED in MLflow
    assert (files / "index").is_dir()
