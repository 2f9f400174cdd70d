"""Scores: counts, intervals, strata."""

import json

import numpy as np
import pandas as pd
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.scoring.figure import plot_scores
from avatarflow.reads.scoring.score import COLUMNS, write_scores

USAGE = {"status": "ok", "version": "t 1"}


def cell(folder, truth, removed, donors=("d1",)):
    """A cell with the same files for each donor."""
    frame = pd.DataFrame(truth, columns=["source", "taxon", "part"])
    frame.insert(0, "fragment", [f"r{i}" for i in range(len(frame))])
    frame.to_parquet(folder / "truth.parquet")
    calls = frame[["fragment"]].assign(removed=removed)
    calls.sample(frac=1, random_state=1).to_parquet(folder / "calls.parquet")
    for name, seconds in (("index", 5.0), ("run", 2.0)):
        (folder / f"{name}.json").write_text(
            json.dumps({**USAGE, "seconds": seconds, "cpu_s": seconds, "peak_mb": 10 * seconds})
        )
    names = {"truth": "truth.parquet", "calls": "calls.parquet", "usage": "run.json"}
    paths = {key: str(folder / value) for key, value in names.items()}
    runs = [{"donor": donor, **paths} for donor in donors]
    return {
        "tool": "t",
        "setting": "s",
        "error": 0.01,
        "variation": 0.05,
        "index": str(folder / "index.json"),
        "runs": runs,
    }


TRUTH = (
    [("human", "human", "rates")] * 4
    + [("human", "human", "panel")] * 2
    + [("microbe", "a", "")] * 3
    + [("microbe", "b", "")]
)
REMOVED = [True, True, True, False, True, False, False, False, True, False]


def scores(tmp_path, **options):
    write_scores([cell(tmp_path, TRUTH, REMOVED, **options)], tmp_path / "scores.tsv")
    return pd.read_csv(tmp_path / "scores.tsv", sep="\t").set_index("stratum")


def test_counts_by_stratum_with_na_where_empty(tmp_path):
    table = scores(tmp_path)
    assert ["stratum" if column == "stratum" else column for column in COLUMNS] == [
        *pd.read_csv(tmp_path / "scores.tsv", sep="\t", nrows=0).columns
    ]
    expected = {
        "all": (10, 4, 1, 3, 2), "taxon:a": (3, 0, 1, 2, 0), "taxon:b": (1, 0, 0, 1, 0), "taxon:human": (6, 4, 0, 0, 2),
        "part:panel": (2, 1, 0, 0, 1), "part:rates": (4, 3, 0, 0, 1),
    }  # fmt: skip
    assert (
        dict(
            zip(
                table.index,
                table[["fragments", "tp", "fp", "tn", "fn"]].itertuples(index=False, name=None),
                strict=True,
            )
        )
        == expected
    )
    assert np.isnan(table.loc["taxon:a", "sensitivity_high"])
    assert np.isnan(table.loc["taxon:human", "specificity"])
    assert "\tNA\t" in (tmp_path / "scores.tsv").read_text()
    assert table.loc["all", ["index_s", "run_s", "peak_mb"]].tolist() == [5, 2, 50]


def test_donors_are_counted_together_and_apart(tmp_path):
    table = scores(tmp_path, donors=("d1", "d2"))
    assert table.loc["all", "fragments"] == 20
    assert table.loc["donor:d2", "fragments"] == 10
    assert table.loc["all", "run_s"] == 4


def test_precision_f1_and_mcc(tmp_path):
    row = scores(tmp_path).loc["all"]  # tp 4, fp 1, tn 3, fn 2
    assert row["precision"] == pytest.approx(4 / 5)
    assert row["f1"] == pytest.approx(8 / 11)
    assert row["mcc"] == pytest.approx((12 - 2) / np.sqrt(5 * 6 * 4 * 5))
    assert row["removed"] == 5
    assert row["version"] == "t 1"


def test_a_tool_that_failed_has_rows_of_nothing(tmp_path):
    one = cell(tmp_path, TRUTH, REMOVED, donors=("d1", "d2"))
    failed = {
        "status": "failed",
        "reason": "x",
        "version": "",
        "seconds": None,
        "cpu_s": None,
        "peak_mb": None,
    }
    (tmp_path / "failed.json").write_text(json.dumps(failed))
    one["runs"][1]["usage"] = str(tmp_path / "failed.json")
    two = {**one, "tool": "u", "runs": one["runs"][:1]}
    write_scores([one, two], tmp_path / "scores.tsv")
    table = pd.read_csv(tmp_path / "scores.tsv", sep="\t").set_index(["tool", "stratum"])
    assert table.loc["t", "status"].eq("failed").all()
    assert table.loc["t", ["tp", "sensitivity", "run_s", "mcc"]].isna().all(axis=None)
    assert table.loc[("t", "all"), "fragments"] == 20
    assert table.loc[("u", "all"), "tp"] == 4
    plot_scores(tmp_path / "scores.tsv", tmp_path / "scores.png")


def test_refuses_a_fragment_without_a_call(tmp_path):
    one = cell(tmp_path, TRUTH, REMOVED)
    calls = pd.read_parquet(tmp_path / "calls.parquet")
    calls.iloc[1:].to_parquet(tmp_path / "calls.parquet")
    with pytest.raises(AvatarflowError, match="t s: 1 fragments without call, 0 unknown"):
        write_scores([one], tmp_path / "scores.tsv")
    assert not (tmp_path / "scores.tsv").exists()


def test_the_plot_is_a_picture(tmp_path):
    scores(tmp_path)
    plot_scores(tmp_path / "scores.tsv", tmp_path / "scores.png")
    assert (tmp_path / "scores.png").read_bytes().startswith(b"\x89PNG")
