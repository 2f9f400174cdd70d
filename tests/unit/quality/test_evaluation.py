"""The evaluation as a step: files in, plain figures out, gaps and no error where nothing was accepted."""

import json

import numpy as np
import pandas as pd
import pytest

from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import write_shards
from avatarflow.quality.evaluation import evaluate_entry
from avatarflow.runs.context import Step

SETTINGS = {
    "pictures": 200, "encoders": ["random_convolutions", "wavelets_and_layout"], "bootstrap": 50, "neighbours": 3,
    "pca_variance": 0.95, "pairs": 3, "classifier": {"steps": 3},
}  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """A pool of 60 eyes, and 30 'synthetic' ones that are drawn from the same population."""
    pictures, table = draw_eyes("fundus", list(range(90)), [0] * 90, 32, seed=1)
    role = np.where(np.arange(60) < 36, "encoder", "heldout")
    pool = pd.DataFrame(
        {"person": np.arange(60) // 2, "role": role, "eye_side": table["eye_side"][:60]}
    )
    made = pd.DataFrame(
        {
            "candidate": [f"student-{n:06d}" for n in range(30)],
            "eye_side": table["eye_side"][60:].to_numpy(),
        }
    )
    write_shards(tmp_path / "pool", pictures[:60], pool)
    write_shards(tmp_path / "samples", pictures[60:], made)
    decisions = made[["candidate"]].assign(
        accepted=np.arange(30) < 24, risk=2.0, matched_original=1
    )
    decisions.to_parquet(tmp_path / "decisions.parquet")
    return {name: str(tmp_path / path) for name, path in
            (("pool", "pool"), ("samples", "samples"), ("decisions", "decisions.parquet"))}  # fmt: skip


def run(files, tmp_path):
    metrics, overview = tmp_path / "metrics.json", tmp_path / "overview.png"
    outputs = {"metrics": str(metrics), "overview": str(overview)}
    evaluate_entry(files, SETTINGS, ["eye_side"], 1, outputs, Step.null())
    assert overview.stat().st_size > 1000
    return json.loads(metrics.read_text())


def test_every_figure_has_a_value_and_an_interval(files, tmp_path):
    found = run(files, tmp_path)
    assert found["counts"] == {
        "released": 24, "heldout": {"pictures": 24, "persons": 12}, "training": {"pictures": 36, "persons": 18},
    }  # fmt: skip
    for encoder in found["encoders"].values():
        for measure in ("kid", "coverage", "recall", "precision", "density"):
            for figure in encoder[measure].values():
                assert figure["low"] <= figure["value"] <= figure["high"]
    assert found["worst"]["coverage_ratio"]["value"] > 0.5
    assert found == run(files, tmp_path)


def test_nothing_accepted_leaves_gaps_and_no_error(files, tmp_path):
    pd.read_parquet(files["decisions"]).assign(accepted=False).to_parquet(files["decisions"])
    found = run(files, tmp_path)
    assert found["worst"]["kid_ratio"]["value"] is None
    assert found["worst"]["coverage_ratio"]["value"] is None
    assert found["agreement"]["eye_side"]["asked"]["value"] is None
