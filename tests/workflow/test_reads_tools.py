"""A read benchmark as a whole run: a tool from the config alone, and tools in trouble beside it."""

import shutil

import pandas as pd
import pytest
import yaml

import project

CRASH = {
    "needs": ["bash"],
    "index": "touch {index}/x",
    "remove": {"pairs": "exit 3 # {answer}", "single": "exit 3 # {answer}"},
    "verdicts": {"format": "sam"},
}


@pytest.mark.skipif(
    not all(map(shutil.which, ("minimap2", "smalt"))),
    reason="minimap2 and smalt are not both installed",
)
def test_a_tool_is_added_by_the_config_and_a_crash_costs_its_own_rows(tmp_path, root):
    example = yaml.safe_load((root / "config" / "reads-grid.yaml").read_text())["removal_tools"]
    tools = [("minimap2", "sr"), ("smalt", "k13"), ("crash", "default"), ("ghost", "default")]
    entry = {
        "reference": {"generated_bp": 50000},
        "microbes": {"generated": {"count": 2, "length_bp": 20000}},
        "reads": {"pairs": 400, "error": [0.01]},
        "tools": [{"tool": tool, "setting": setting} for tool, setting in tools],
    }
    config = {
        "seed": 3,
        "removal_tools": {**example, "crash": CRASH, "ghost": {**CRASH, "needs": ["no-such-tool"]}},
        "read_benchmarks": {"b": entry},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    project.run(tmp_path, "read_benchmarks")
    folder = tmp_path / "results" / "read_benchmarks" / "b"
    scores = pd.read_csv(folder / "scores.tsv", sep="\t").set_index(["tool", "stratum"])
    assert scores.xs("all", level="stratum")["status"].to_dict() == {
        "minimap2": "ok", "smalt": "ok", "crash": "failed", "ghost": "missing",
    }  # fmt: skip
    for tool in ("minimap2", "smalt"):
        assert scores.loc[(tool, "all"), "sensitivity"] > 0.98
        assert scores.loc[(tool, "all"), "specificity"] > 0.98
        assert scores.loc[(tool, "all"), "run_s"] > 0
    assert scores.loc["crash", ["tp", "sensitivity", "run_s"]].isna().all(axis=None)
    pairs = pd.read_csv(folder / "mcnemar.tsv", sep="\t")
    assert pairs[["tool_a", "tool_b"]].drop_duplicates().to_numpy().tolist() == [
        ["minimap2 sr", "smalt k13"]
    ]
    assert (folder / "scores.html").read_text().count('class="failed"') > 1
    assert (folder / "removal_mqc.tsv").is_file()
    # trouble is a result: nothing is tried again by itself
    assert not project.planned(tmp_path, "read_benchmarks")
