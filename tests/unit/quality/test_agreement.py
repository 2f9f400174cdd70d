"""Agreement: a classifier that reads a plain mark, its control, and missing labels."""

import numpy as np
import pandas as pd
import pytest
import torch

from avatarflow.imaging.spool import Spool
from avatarflow.quality.agreement import UNKNOWN, _shuffled, agreement
from avatarflow.quality.samples import Sample
from avatarflow.runs.context import Step


def marked(n, seed, first_person=0, wrong=0.0):
    """Grey pictures with a bright spot left or right, and whether they are warm or cold; some labels are missing."""
    draw = np.random.default_rng(seed)
    side, tone = draw.integers(0, 2, n), draw.integers(0, 2, n)
    pictures = draw.integers(60, 110, (n, 32, 32, 3))
    for number in range(n):
        pictures[number, 10:22, (4 + 16 * side[number]) : (12 + 16 * side[number])] += 90
        pictures[number, ..., 2 * tone[number]] += 40
    shown = np.where(draw.random(n) < wrong, 1 - side, side)
    table = pd.DataFrame(
        {
            "person": first_person + np.arange(n) // 2,
            "side": np.array(["left", "right"])[shown],
            "tone": pd.Series(np.array(["cold", "warm"])[tone]).where(draw.random(n) < 0.8, None),
            "single": "only",
        }
    )
    return Sample(pictures.clip(0, 255).astype(np.uint8), table)


@pytest.fixture(scope="module")
def found():
    sets = marked(240, 1), marked(80, 2, 1000), marked(200, 3, wrong=0.25)
    return agreement(*sets, ["side", "tone", "single"], {"steps": 25}, seed=1, step=Step.null())


def test_sees_what_is_there_and_counts_what_is_not(found):
    assert found["side"]["heldout_accuracy"]["value"] > 0.95
    assert found["side"]["heldout_accuracy"]["n"] == 40  # persons
    assert found["side"]["asked"]["value"] == pytest.approx(0.75, abs=0.07)
    assert set(found["side"]["by_value"]) == {"left", "right"}


def test_the_control_is_at_chance(found):
    assert 0.4 <= found["side"]["shuffled"]["value"] <= 0.6


def test_missing_labels_are_left_out_not_guessed(found):
    assert found["tone"]["heldout_accuracy"]["value"] > 0.95
    assert found["tone"]["asked"]["n"] < 200


def test_a_column_with_one_value_is_not_measured(found):
    assert found["single"]["asked"]["value"] is None


def test_sets_on_disk_give_the_same_figures_and_are_read_by_batches():
    asked = []

    class Watched(Spool):
        def __getitem__(self, rows):
            read = super().__getitem__(rows)
            asked.append(len(read))
            return read

    def on_disk(sample):
        spool = Watched(None, 32)
        spool.extend(sample.pictures)
        return Sample(spool, sample.table).where(np.arange(len(spool)))

    sets = marked(300, 1), marked(40, 2, 1000), marked(40, 3)
    settings = ["side"], {"steps": 3}, 1, Step.null()
    assert agreement(*map(on_disk, sets), *settings) == agreement(*sets, *settings)
    assert max(asked) == 64


def test_without_released_pictures_nothing_is_measured():
    real = marked(30, 1)
    found = agreement(real, real, real.where([]), ["side"], {"steps": 1}, seed=1, step=Step.null())
    assert found["side"]["asked"]["value"] is None
    assert found["side"]["shuffled"]["value"] is None


def test_a_value_never_trained_on_counts_as_not_shown():
    real = marked(30, 1)
    odd = Sample(real.pictures, real.table.assign(side="above"))
    found = agreement(real, real, odd, ["side"], {"steps": 1}, seed=1, step=Step.null())
    assert found["side"]["asked"]["value"] == 0


def test_same_seed_same_figures_whatever_torch_drew_before():
    real, released = marked(40, 1), marked(20, 2)
    runs = []
    for noise in (0, 7):
        torch.manual_seed(noise)
        runs.append(
            agreement(real, real, released, ["side"], {"steps": 3}, seed=1, step=Step.null())
        )
    assert runs[0] == runs[1]


def test_shuffled_labels_are_even_within_each_truth_and_pairs_are_exchanged():
    labels = np.array([0] * 10 + [1] * 20 + [UNKNOWN] * 3)[:, None]
    dealt, twin = _shuffled(labels, [2], 1, 1), _shuffled(labels, [2], 1, 2)
    assert dealt[:10].sum() == 5
    assert dealt[10:30].sum() == 10
    assert (dealt[30:] == UNKNOWN).all()
    np.testing.assert_array_equal(dealt[:30] + twin[:30], 1)
