"""Fidelity: unbiased near zero, growing with damage, indifferent to order; the naive baseline."""

import numpy as np
import pytest

from avatarflow.generators.pca_gaussian import gaussian
from avatarflow.generators.pca_gaussian.gaussian import pca_gaussian
from avatarflow.quality.fidelity import Scale, kernel_sums, kid, manifold


def kid_of(x, y):
    return float(kid(kernel_sums(x, y, np.arange(len(x)), np.arange(len(y))))[0])


def normal(seed, n=200, d=16, mean=0.0):
    return np.random.default_rng(seed).normal(mean, 1, (n, d)).astype(np.float32)


def test_kid_is_unbiased_for_equal_distributions():
    values = [kid_of(normal(2 * seed, 40), normal(2 * seed + 1, 40)) for seed in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0  # a biased estimator would never be negative


def test_kid_grows_with_the_shift():
    values = [kid_of(normal(1, mean=shift), normal(2)) for shift in (0, 0.2, 0.4, 0.8)]
    assert values == sorted(values)


def test_kid_does_not_depend_on_the_order_of_rows():
    x, y = normal(1), normal(2)
    order = np.random.default_rng(0).permutation(len(x))
    assert kid_of(x[order], y) == pytest.approx(kid_of(x, y), rel=1e-9)


def test_too_few_persons_to_pair_is_nan():
    x = normal(1, 5)
    assert np.isnan(kid(kernel_sums(x, normal(2, 5), np.zeros(5, int), np.arange(5)))).all()


def test_a_set_covers_itself_and_nothing_far_away():
    x = normal(1)
    same, far = manifold(x, x, np.arange(len(x))), manifold(x, x + 100, np.arange(len(x)))
    assert same.covered.all()
    assert same.precise.all()
    assert not far.covered.any()
    assert not far.precise.any()


def test_one_mode_of_two_covers_half():
    two = np.concatenate([normal(1, 100), normal(2, 100, mean=20)])
    assert manifold(two, normal(3, 200), np.arange(200)).covered.mean() == pytest.approx(
        0.5, abs=0.02
    )


def test_coverage_of_too_few_rows_is_empty():
    assert not len(manifold(normal(1, 4), normal(2, 50), np.arange(4)).covered)


def test_scale_brings_leading_directions_down_and_keeps_the_order_of_others():
    x = normal(1, 800, 100) * np.linspace(10, 0.1, 100, dtype=np.float32)
    scaled = Scale.fit(x).apply(x)
    assert (scaled**2).sum(1).mean() / 100 == pytest.approx(1, rel=0.01)
    spread = scaled.std(0)
    assert spread[:50].max() / spread[:50].min() < 1.2
    assert spread[99] < spread[70] < spread[50]


def test_baseline_has_the_mean_and_spread_of_its_model():
    draw = np.random.default_rng(0)
    base = draw.uniform(90, 160, (8, 8, 3))
    pictures = (base + draw.normal(0, 12, (300, 1, 1, 3))).round().astype(np.uint8)
    drawn = pca_gaussian(pictures, 400, seed=1).astype(float)
    np.testing.assert_allclose(drawn.mean(0), pictures.mean(0), atol=3)
    assert drawn[:, 0, 0].std() == pytest.approx(pictures[:, 0, 0].std(), rel=0.1)


def test_baseline_pictures_belong_to_their_numbers():
    pictures = np.random.default_rng(0).integers(0, 255, (20, 6, 6, 3)).astype(np.uint8)
    np.testing.assert_array_equal(
        pca_gaussian(pictures, 300, 1)[:10], pca_gaussian(pictures, 10, 1)
    )
    with pytest.raises(ValueError, match="at least two"):
        pca_gaussian(pictures[:1], 3, 1)


def test_the_baseline_takes_few_pixels_at_a_time(monkeypatch):
    pictures = np.random.default_rng(0).integers(0, 255, (20, 6, 6, 3)).astype(np.uint8)
    whole, widths = pca_gaussian(pictures, 50, 1), []
    scaled = gaussian.scaled

    def watched(weights, centred):
        widths.append(centred.shape[1])
        return scaled(weights, centred)

    monkeypatch.setattr(gaussian, "VALUES", 20 * 25)
    monkeypatch.setattr(gaussian, "scaled", watched)
    drawn = pca_gaussian(pictures, 50, 1)
    assert widths == [25, 25, 25, 25, 8]
    assert np.abs(drawn.astype(int) - whole).max() <= 1
