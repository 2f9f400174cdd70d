"""`make costs`: the figures that requests are sized with."""

import math

import pandas as pd
import pytest

from avatarflow.runs import costs
from avatarflow.runs.records import Run

HEAD = "s\th:m:s\tmax_rss\tmax_vms\n"


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """Benchmark files of three sample jobs and one that was too short to be sampled."""
    monkeypatch.chdir(tmp_path)
    for name, row in {
        "releases/a/sample.teacher.1-of-2": "10.0\t0:00:10\t900.0\t1\n",
        "releases/a/sample.teacher.2-of-2": "130.0\t0:02:10\t1400.0\t1\n",
        "releases/b/sample.teacher.1-of-1": "20.0\t0:00:20\t800.0\t1\n",
        "releases/a/join_decisions": "0.4\t0:00:00\tNA\tNA\n",
        "track": "3.0\t0:00:03\t-\t-\n",
    }.items():
        path = tmp_path / "results/benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + row)
    return tmp_path


def test_one_row_per_rule_with_what_to_ask_for(ran):
    table = costs.summary(
        costs.measured(ran / "results/benchmarks"), pd.Series({"sample": 512.0})
    ).set_index("rule")
    assert list(table.index) == ["sample", "track", "join_decisions"]  # the longest first
    sample = table.loc["sample"]
    assert (sample["jobs"], sample["median_s"], sample["longest_s"], sample["memory_mb"]) == (
        3,
        20.0,
        130.0,
        1400.0,
    )
    assert (sample["gpu_mb"], sample["ask_mb"], sample["ask_min"]) == (512.0, 2500, 5)
    short = table.loc["join_decisions"]
    assert math.isnan(short["memory_mb"])
    assert short["ask_mb"] == 1000


def test_the_time_to_ask_for_is_twice_the_longest():
    jobs = pd.DataFrame({"rule": ["a"], "wall_s": [3600.0], "memory_mb": [1000.0]})
    row = costs.summary(jobs, pd.Series(dtype=float)).iloc[0]
    assert (row["ask_min"], row["ask_mb"]) == (120, 1500)


def test_gpu_memory_comes_from_the_records(ran):
    for peak in (300.0, 700.0):
        run = Run("finetune", "releases/a", ran / "results/records")
        run.record["gpu_peak_mb"] = peak
        run.finish("FINISHED")
    Run("sample", "releases/a", ran / "results/records").finish("FINISHED")
    assert costs.gpu_memory(ran / "results/records").to_dict() == {"finetune": 700.0}


def test_table_and_picture_are_written(ran):
    costs.main()
    assert len(pd.read_csv(costs.TABLE, sep="\t")) == 3
    assert costs.PICTURE.read_bytes().startswith(b"\x89PNG")


def test_without_any_run_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    costs.main()
    assert not list(tmp_path.iterdir())
