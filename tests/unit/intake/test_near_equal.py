"""One picture saved twice is found; two pictures are not."""

import numpy as np
import pytest

from avatarflow.intake.patients import near_equal
from avatarflow.intake.patients.near_equal import NEAR, near_equal_pairs


def smooth(seed, count, size=32):
    coarse = np.random.default_rng(seed).integers(40, 216, (count, 4, 4, 3))
    return np.repeat(np.repeat(coarse, size // 4, 1), size // 4, 2).astype(np.uint8)


def slow(pictures, groups):
    flat = pictures.reshape(len(pictures), -1).astype(float)
    pairs = [
        (i, j) for i in range(len(flat)) for j in range(i + 1, len(flat)) if groups[i] != groups[j]
    ]
    return [(i, j) for i, j in pairs if np.sqrt(((flat[i] - flat[j]) ** 2).mean()) < NEAR]


@pytest.mark.parametrize("size", [16, 20, 32, 36])
@pytest.mark.parametrize("block", [3, 1024])
def test_equals_a_comparison_of_all_pairs(monkeypatch, size, block):
    monkeypatch.setattr(near_equal, "BLOCK", block)
    pictures = smooth(1, 12, size)
    # root mean square 3.7: some near, some not
    shift = np.random.default_rng(2).integers(-6, 7, pictures[:6].shape)
    pictures = np.concatenate([pictures, np.clip(pictures[:6] + shift, 0, 255).astype(np.uint8)])
    groups = np.arange(18)
    groups[12] = 0  # the same person's second export is nobody else's
    found = near_equal_pairs(pictures, groups)
    assert found == slow(pictures, groups)
    assert found
    assert (0, 12) not in found


def test_pictures_of_two_persons_are_two():
    assert near_equal_pairs(smooth(3, 40), np.arange(40)) == []


def test_holds_no_more_than_two_blocks_of_pictures(monkeypatch):
    shapes = []
    near = near_equal._near
    monkeypatch.setattr(near_equal, "BLOCK", 5)
    monkeypatch.setattr(
        near_equal, "_near", lambda one, two: shapes.append((len(one), len(two))) or near(one, two)
    )
    assert near_equal_pairs(smooth(3, 12), np.arange(12)) == []
    assert shapes == [(5, 5), (5, 5), (5, 2), (5, 5), (5, 2), (2, 2)]
