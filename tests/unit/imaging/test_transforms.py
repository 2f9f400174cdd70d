"""Augmentation: the original stays, copies depend on nothing but their item, and a mirrored eye changes its side."""

import numpy as np
import pandas as pd
import pytest
import torch

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.chain import CHAIN, build_chain
from avatarflow.imaging.transforms import augment

MIRROR = {"column": "eye_side", "swap": {"left": "right", "right": "left"}, "probability": 0.5}
EVERYTHING = [{"name": name} for name in CHAIN]
SEED = 11


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (6, 24, 24, 3), dtype=np.uint8)


@pytest.fixture
def table():
    return pd.DataFrame(
        {"item": [10, 11, 12, 13, 14, 15], "eye_side": ["left", "right"] * 2 + [None, "left"]}
    )


def test_the_first_copy_is_the_original(pictures, table):
    drawn, rows = augment(pictures, table, EVERYTHING, 3, MIRROR, SEED)
    assert drawn.shape == (18, 24, 24, 3)
    assert np.array_equal(drawn[::3], pictures)
    assert list(rows["copy"]) == [0, 1, 2] * 6
    assert list(rows["item"]) == list(np.repeat(table["item"], 3))
    assert not rows.loc[rows["copy"] == 0, "mirrored"].any()
    assert list(rows.loc[rows["copy"] == 0, "eye_side"].fillna("")) == list(
        table["eye_side"].fillna("")
    )


def test_copies_do_not_depend_on_blocks_order_or_the_global_generator(pictures, table):
    whole, rows = augment(pictures, table, EVERYTHING, 3, MIRROR, SEED)
    torch.manual_seed(99)
    order = [4, 1, 0, 5, 3, 2]
    parts = [augment(pictures[[k]], table.iloc[[k]], EVERYTHING, 3, MIRROR, SEED) for k in order]
    for k, (part, part_rows) in zip(order, parts, strict=True):
        assert np.array_equal(part, whole[3 * k : 3 * k + 3])
        assert list(part_rows["mirrored"]) == list(rows["mirrored"][3 * k : 3 * k + 3])


def test_more_copies_leave_the_earlier_ones_alone(pictures, table):
    few, _ = augment(pictures, table, EVERYTHING, 2, None, SEED)
    many, _ = augment(pictures, table, EVERYTHING, 4, None, SEED)
    assert np.array_equal(few.reshape(6, 2, -1), many.reshape(6, 4, -1)[:, :2])


def test_the_global_generator_is_left_as_it_was(pictures, table):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    augment(pictures, table, EVERYTHING, 2, None, SEED)
    assert torch.equal(torch.rand(3), expected)


def test_a_mirrored_picture_changes_its_side_and_nothing_else_does(pictures, table):
    drawn, rows = augment(pictures, table, [], 40, MIRROR, SEED)
    before = np.repeat(table["eye_side"].fillna("").to_numpy(), 40)
    for place in range(len(rows)):
        original = pictures[place // 40]
        if rows["mirrored"][place]:
            assert np.array_equal(drawn[place], original[:, ::-1])
            assert rows["eye_side"].fillna("")[place] == MIRROR["swap"].get(before[place], "")
        else:
            assert np.array_equal(drawn[place], original)
            assert rows["eye_side"].fillna("")[place] == before[place]
    assert 0.35 < rows["mirrored"][rows["copy"] > 0].mean() < 0.65


@pytest.mark.parametrize(("probability", "share"), [(0, 0.0), (1, 1.0)])
def test_mirror_probability(pictures, table, probability, share):
    _, rows = augment(pictures, table, [], 3, MIRROR | {"probability": probability}, SEED)
    assert rows["mirrored"][rows["copy"] > 0].mean() == share


def test_a_table_from_several_shards_may_repeat_its_index(pictures, table):
    stacked = pd.concat([table.iloc[:3], table.iloc[3:].reset_index(drop=True)])
    drawn, rows = augment(pictures, stacked, EVERYTHING, 2, MIRROR, SEED)
    expected, expected_rows = augment(pictures, table, EVERYTHING, 2, MIRROR, SEED)
    assert np.array_equal(drawn, expected)
    assert rows.equals(expected_rows)


def test_without_a_mirror_nothing_is_ever_mirrored(pictures, table):
    drawn, rows = augment(pictures, table, [], 20, None, SEED)
    assert np.array_equal(drawn, np.repeat(pictures, 20, axis=0))
    assert not rows["mirrored"].any()


@pytest.mark.parametrize("name", list(CHAIN))
def test_each_transform_alters_and_stays_in_range(name, pictures, table):
    drawn, _ = augment(pictures, table, [{"name": name}], 2, None, SEED)
    assert drawn.dtype == np.uint8
    assert not np.array_equal(drawn[1::2], pictures)


def test_light_leaves_black_black_and_movement_fills_as_asked(table):
    dark = np.zeros((6, 24, 24, 3), np.uint8)
    assert not augment(dark, table, [{"name": "colour"}, {"name": "blur"}], 2, None, SEED)[0].any()
    grey = np.full((6, 24, 24, 3), 100, np.uint8)
    move = [{"name": "rotation", "degrees": 45}, {"name": "shift", "share": 0.3}]
    assert augment(grey, table, move, 2, None, SEED, fill="zeros")[0].min() == 0
    for fill in ("border", "reflection"):
        assert augment(grey, table, move, 2, None, SEED, fill=fill)[0].min() >= 99


def test_neighbouring_movements_resample_once():
    names = ["rotation", "shift", "zoom", "blur", "rotation", "rotation"]
    assert len(build_chain([{"name": name} for name in names], "zeros")) == 4


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ([{"name": "swirl"}], "unknown transform 'swirl'"),
        ([{"name": "mirror"}], "augment.mirror"),
        ([{"name": "rotation", "degres": 3}], "degres"),
        ([{"name": "rotation", "degrees": 700}], "0 to 180"),
        ([{"name": "blur", "sigma_px": "1e-1"}], "found '1e-1'"),
        ([{"name": "noise", "deviation": True}], "found True"),
        ([{"name": "zoom", "smallest": 1.5, "largest": 0.9}], "swap them"),
    ],
)
def test_refuses_a_wrong_chain(chain, words, pictures, table):
    with pytest.raises(AvatarflowError, match=words):
        augment(pictures, table, chain, 2, None, SEED)


def test_all_problems_of_a_chain_at_once(pictures, table):
    with pytest.raises(AvatarflowError) as error:
        augment(pictures, table, [{"name": "a"}, {"name": "b"}], 0, None, SEED, fill="pink")
    assert len(str(error.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"column": "side"}, "no such column"),
        ({"swap": {"left": "right"}}, "there and back"),
        ({"swap": {}}, "there and back"),
        ({"swap": {"left": "left"}}, "value of 2 pictures"),
        ({"probability": 2}, "0 to 1"),
    ],
)
def test_refuses_a_mirror_that_would_leave_a_wrong_label(change, words, pictures, table):
    with pytest.raises(AvatarflowError, match=words):
        augment(pictures, table, [], 2, MIRROR | change, SEED)
