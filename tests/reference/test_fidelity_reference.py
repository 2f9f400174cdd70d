"""Fidelity measures against slow loops written from their definitions."""

import itertools

import numpy as np
import pytest

from avatarflow.quality import fidelity
from avatarflow.quality.fidelity import kernel_sums, kid, manifold


@pytest.fixture
def sets():
    draw = np.random.default_rng(5)
    x, y = (
        draw.normal(0, 1, (23, 6)).astype(np.float32),
        draw.normal(0.4, 1.2, (31, 6)).astype(np.float32),
    )
    return x, y, draw.integers(0, 9, 23), draw.integers(0, 12, 31)


def kernel(a, b):
    return (float(np.dot(a.astype(np.float64), b.astype(np.float64))) / len(a) + 1) ** 3


def slow_within(rows, groups, times):
    pairs = [
        (i, j) for i, j in itertools.permutations(range(len(rows)), 2) if groups[i] != groups[j]
    ]
    weights = [times[groups[i]] * times[groups[j]] for i, j in pairs]
    return sum(
        w * kernel(rows[i], rows[j]) for w, (i, j) in zip(weights, pairs, strict=True)
    ) / sum(weights)


def slow_kid(x, y, gx, gy, wx, wy):
    across, total = 0.0, 0.0
    for i, j in itertools.product(range(len(x)), range(len(y))):
        across += wx[gx[i]] * wy[gy[j]] * kernel(x[i], y[j])
        total += wx[gx[i]] * wy[gy[j]]
    return slow_within(x, gx, wx) + slow_within(y, gy, wy) - 2 * across / total


def dense(groups):
    return np.unique(groups, return_inverse=True)[1]


@pytest.mark.parametrize("rows", [4, 512])
def test_kid_with_persons_and_bootstrap_weights(sets, monkeypatch, rows):
    monkeypatch.setattr(fidelity, "ROWS", rows)
    x, y, gx, gy = sets
    gx, gy = dense(gx), dense(gy)
    draw = np.random.default_rng(1)
    wx, wy = (
        draw.multinomial(n, np.full(n, 1 / n), 3).astype(float)
        for n in (gx.max() + 1, gy.max() + 1)
    )
    got = kid(kernel_sums(x, y, gx, gy), wx, wy)
    np.testing.assert_allclose(
        got, [slow_kid(x, y, gx, gy, a, b) for a, b in zip(wx, wy, strict=True)], rtol=1e-9
    )


def test_kid_of_single_pictures_is_the_published_estimator(sets):
    x, y, _, _ = sets
    n, m = len(x), len(y)
    xx = sum(kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j) / (
        n * (n - 1)
    )
    yy = sum(kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j) / (
        m * (m - 1)
    )
    xy = sum(kernel(a, b) for a in x for b in y) / (n * m)
    got = kid(kernel_sums(x, y, np.arange(n), np.arange(m)))
    assert got[0] == pytest.approx(xx + yy - 2 * xy, rel=1e-9)


@pytest.mark.parametrize("rows", [4, 512])
@pytest.mark.parametrize("alone", [True, False])
def test_precision_recall_density_coverage(sets, monkeypatch, rows, alone):
    monkeypatch.setattr(fidelity, "ROWS", rows)
    real, made, groups, _ = sets
    groups = np.arange(len(real)) if alone else groups
    k = 3
    distance = np.linalg.norm(real[:, None].astype(float) - made[None].astype(float), axis=2)
    balls = [sorted(np.linalg.norm(real[i] - real[j]) for j in range(len(real)) if groups[i] != groups[j])[k - 1]
             for i in range(len(real))]  # fmt: skip
    spheres = [sorted(np.linalg.norm(made[i] - made[j]) for j in range(len(made)) if i != j)[k - 1]
               for i in range(len(made))]  # fmt: skip
    got = manifold(real, made, groups, k)
    for j in range(len(made)):
        hits = sum(distance[i, j] <= balls[i] for i in range(len(real)))
        assert got.precise[j] == (hits > 0)
        assert got.dense[j] == pytest.approx(hits / k)
    for i in range(len(real)):
        assert got.covered[i] == any(distance[i, j] <= balls[i] for j in range(len(made)))
        assert got.recalled[i] == any(distance[i, j] <= spheres[j] for j in range(len(made)))
