"""The frontier: groups by guidance and steps, known rejection and risk, fidelity that ranks good above bad."""

import numpy as np
import pandas as pd
import pytest

from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import write_shards
from avatarflow.quality import frontier as module
from avatarflow.quality.frontier import fidelity, frontier, frontier_entry, grouped, rejected, tails
from avatarflow.quality.samples import Sample
from avatarflow.runs.context import Step

SETTINGS = {"pictures": 100, "encoders": ["random_convolutions"], "bootstrap": 60, "neighbours": 3,
            "classifier": {"steps": 4}}  # fmt: skip


def eyes(first, count, stage=None):
    pictures, table = draw_eyes("fundus", list(range(first, first + count)), [0] * count, 32, 5)
    table = table[["person", "eye_side"]]
    if stage:
        table = table.assign(candidate=[f"{stage}-{n:06d}" for n in range(count)])
    return Sample(pictures, table)


@pytest.fixture(scope="module")
def sets():
    """Real eyes, and candidates: at guidance 1 they are eyes, at guidance 2 eyes drowned in noise."""
    training, heldout, drawn = eyes(0, 40), eyes(100, 40), eyes(200, 48, "teacher")
    pictures = drawn.pictures.copy()
    noise = np.random.default_rng(1).normal(0, 90, pictures[24:].shape)
    pictures[24:] = np.clip(pictures[24:] + noise, 0, 255)
    table = drawn.table.drop(columns="person").assign(guidance=np.repeat([1.0, 2.0], 24))
    risk = np.linspace(0.5, 2.0, 48)
    decisions = pd.DataFrame({"candidate": table["candidate"], "risk": risk, "accepted": risk > 1})
    return training, heldout, Sample(pictures, table), decisions


def test_candidates_fall_into_groups_and_a_missing_decision_accepts_nothing(sets):
    *_, drawn, decisions = sets
    groups = grouped("teacher", drawn, decisions.iloc[:-1], 25)
    assert [(g.guidance, g.steps, g.pictures) for g in groups] == [
        (1.0, 25, "drawn"), (1.0, 25, "accepted"), (2.0, 25, "drawn"), (2.0, 25, "accepted"),
    ]  # fmt: skip
    assert [len(g.sample.table) for g in groups] == [24, 8, 24, 23]
    assert rejected(groups[2].sample).value == pytest.approx(1 / 24)
    mixed = Sample(drawn.pictures, drawn.table.assign(steps=[10, 20] * 24))
    assert [(g.guidance, g.steps) for g in grouped("student", mixed, decisions, 25)][::2] == [
        (1.0, 10), (1.0, 20), (2.0, 10), (2.0, 20),
    ]  # fmt: skip


def test_the_lower_tail_is_that_of_the_finite_risks():
    table = pd.DataFrame({"risk": np.r_[np.arange(101) / 10, np.nan], "accepted": True})
    found = tails(Sample(np.zeros((102, 1, 1, 3), np.uint8), table), 1)
    assert found["risk 1 %"].value == pytest.approx(0.1)
    assert found["risk 5 %"].value == pytest.approx(0.5)
    assert found["risk 5 %"].low < 0.5 < found["risk 5 %"].high
    assert found["risk 5 %"].n == 101
    few = tails(Sample(np.zeros((5, 1, 1, 3), np.uint8), table.iloc[:5]), 1)
    assert few["risk 1 %"].value is None


def test_fidelity_prefers_eyes_to_noise_and_equals_its_own_parts(sets):
    training, heldout, drawn, _ = sets
    measure = fidelity("random_convolutions", training, heldout, SETTINGS, 1)
    good, bad = measure(drawn.where(np.arange(24))), measure(drawn.where(np.arange(24, 48)))
    assert good["kid: random_convolutions"].high < bad["kid: random_convolutions"].low
    assert (
        good["precision: random_convolutions"].value > bad["precision: random_convolutions"].value
    )
    assert good["coverage: random_convolutions"].value > bad["coverage: random_convolutions"].value
    few = measure(drawn.where(np.arange(module.LEAST - 1)))
    assert all(figure.value is None for figure in few.values())


def test_a_row_per_group_and_measure_with_fidelity_on_equally_many(sets):
    training, heldout, drawn, decisions = sets
    groups = grouped("teacher", drawn, decisions, 25)
    found = frontier(groups, training, heldout, ["eye_side"], SETTINGS, 1, Step.null())
    assert list(found.columns) == module.COLUMNS
    n = found.set_index(["guidance", "pictures", "measure"])["n"]
    assert n[(1.0, "drawn", "precision: random_convolutions")] == 24
    assert (
        n[(2.0, "accepted", "precision: random_convolutions")] == 24
    )  # 8 are too few, so the 24 decide
    assert n[(2.0, "accepted", "risk 1 %")] == 24
    value = found.set_index(["guidance", "pictures", "measure"])["value"]
    assert value[(1.0, "drawn", "rejected")] == pytest.approx(16 / 24)
    assert np.isnan(value[(1.0, "accepted", "kid: random_convolutions")])
    assert 0 <= value[(1.0, "drawn", "agreement: eye_side")] <= 1
    again = frontier(groups[::-1], training, heldout, ["eye_side"], SETTINGS, 1, Step.null())
    keys = ["guidance", "pictures", "measure"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys).reset_index(drop=True),
        again.sort_values(keys).reset_index(drop=True),
    )


def test_the_step_writes_table_and_figure(sets, tmp_path):
    training, heldout, drawn, decisions = sets
    people = pd.concat(
        [training.table.assign(role="encoder"), heldout.table.assign(role="heldout")]
    )
    write_shards(tmp_path / "pool", np.concatenate([training.pictures, heldout.pictures]), people)
    inputs = {"pool": str(tmp_path / "pool")}
    for stage in ("teacher", "student"):
        inputs |= {
            stage: str(tmp_path / stage),
            f"{stage}_decisions": str(tmp_path / f"{stage}.parquet"),
        }
        write_shards(tmp_path / stage, drawn.pictures, drawn.table)
        decisions.to_parquet(inputs[f"{stage}_decisions"])
    asked = {"teacher": {"steps": 10}, "student": {"steps": 20}}
    settings = {"sample": asked, "evaluate": SETTINGS, "conditions": []}
    outputs = {"table": str(tmp_path / "frontier.tsv"), "figure": str(tmp_path / "frontier.png")}
    frontier_entry(inputs, settings, 1, outputs, Step.null(), 1)
    table = pd.read_csv(outputs["table"], sep="\t")
    assert set(zip(table["stage"], table["steps"], strict=True)) == {
        ("teacher", 10),
        ("student", 20),
    }
    assert not table["measure"].str.startswith("agreement").any()  # nothing was asked for
    assert (tmp_path / "frontier.png").read_bytes().startswith(b"\x89PNG")
