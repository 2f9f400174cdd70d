"""Figures and attacks agree with an independent, slow implementation."""

import attack_reference as reference
import numpy as np
import pytest

from avatarflow.privacy.attacks import figures
from avatarflow.privacy.attacks.on_pictures import density_ratio, extraction, linkage
from avatarflow.privacy.attacks.on_pictures.knowledge import Knowledge


def unit(rng, count, dimensions=12):
    rows = rng.normal(size=(count, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("digits", [0, 6])  # with and without ties
def test_auc_interval_and_tail(seed, digits):
    rng = np.random.default_rng(seed)
    members, others = (
        np.round(rng.normal(0.5, 1, 23), digits),
        np.round(rng.normal(0, 1, 31), digits),
    )
    found = figures.auc(members, others)
    assert found.value == pytest.approx(reference.auc(members, others), abs=1e-12)
    half = reference.delong(members, others)
    assert found.low <= max(0, found.value - half) + 1e-12
    assert found.high >= min(1, found.value + half) - 1e-12
    for rate in (0.001, 0.05, 0.1, 0.5):
        assert figures.true_positives(members, others, rate)["value"] == reference.most_hits(
            members, others, rate
        )


def world(seed=0, persons=12, released=20):
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(persons), 2)
    labels = np.zeros((2 * persons, 1), np.int64)
    return Knowledge(
        unit(rng, released), np.zeros((released, 1), np.int64), unit(rng, 2 * persons), labels, people,
        np.arange(2 * persons), people < persons // 2, seed,
    )  # fmt: skip


def test_joint_angles():
    here = world()
    pairs = np.array([[0, 1], [4, 5], [9, 2]])
    expected = [
        reference.joint(here.known[left], here.known[right], here.released) for left, right in pairs
    ]
    assert linkage.joint_angles(here.known, here.released, pairs) == pytest.approx(
        expected, abs=1e-6
    )


def test_extraction():
    here = world()
    expected = reference.extraction(
        here.known, here.released, extraction.FELLOWS, extraction.KEPT, extraction.NEIGHBOURS
    )
    assert -extraction.score(here).values == pytest.approx(expected, abs=1e-5)


def test_density_without_the_persons_own_pictures():
    rng = np.random.default_rng(3)
    at, samples = rng.normal(size=(5, 4)), rng.normal(size=(9, 4))
    got = density_ratio.log_density(at, samples, None)
    assert got == pytest.approx([reference.log_density(point, samples) for point in at], abs=1e-9)
    apart = np.zeros((5, 9), bool)
    apart[:, 2] = True
    width = 9 ** (-1 / 8) * samples.std(0).mean()
    rest = np.delete(samples, 2, 0)
    by_hand = [
        np.log(np.mean(np.exp(-((point - rest) ** 2).sum(1) / (2 * width**2)))) - 4 * np.log(width)
        for point in at
    ]
    assert density_ratio.log_density(at, samples, apart) == pytest.approx(by_hand, abs=1e-9)
