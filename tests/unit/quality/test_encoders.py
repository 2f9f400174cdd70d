"""Encoders: deterministic, blocked, and sensitive to what a generator can do wrong."""

import numpy as np
import pytest
import torch

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.quality import encoders
from avatarflow.quality.encoders import ENCODERS, embed, shrink
from avatarflow.quality.fidelity import Scale, kernel_sums, kid


@pytest.fixture(scope="module")
def eyes():
    return draw_eyes("fundus", list(range(240)), [0] * 240, 32, seed=3)[0]


def distances(eyes, encoder, variants):
    """KID of each variant of the first half to the second half."""
    half = len(eyes) // 2
    scale = Scale.fit(embed(eyes[:half], encoder))
    other = scale.apply(embed(eyes[half:], encoder))
    rows = [scale.apply(embed(variant, encoder)) for variant in variants]
    return [
        float(kid(kernel_sums(r, other, np.arange(len(r)), np.arange(len(other))))[0]) for r in rows
    ]


def blurred(eyes, times):
    images = torch.from_numpy(eyes).permute(0, 3, 1, 2).float()
    for _ in range(times):
        images = torch.nn.functional.avg_pool2d(
            torch.nn.functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1
        )
    return images.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()


def noisy(eyes, sd):
    return (eyes + np.random.default_rng(1).normal(0, sd, eyes.shape)).clip(0, 255).astype(np.uint8)


def tinted(eyes, by):
    return (eyes * np.array([1 - by, 1, 1 + by])).clip(0, 255).astype(np.uint8)


def few(eyes, kept):
    return np.resize(eyes[:kept], eyes.shape)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize(
    ("damage", "grades"),
    [(blurred, (1, 2, 4)), (noisy, (8, 16, 32)), (tinted, (0.1, 0.2, 0.4)), (few, (20, 8, 2))],
)
def test_kid_grows_with_damage_and_is_near_zero_without(eyes, encoder, damage, grades):
    half = eyes[: len(eyes) // 2]
    values = distances(eyes, encoder, [half, *(damage(half, grade) for grade in grades)])
    assert values == sorted(values)
    assert abs(values[0]) < 0.2 * values[2]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_features_do_not_depend_on_blocks_or_neighbours(eyes, encoder, monkeypatch):
    whole = embed(eyes[:20], encoder)
    monkeypatch.setattr(encoders, "BLOCK", 7)
    np.testing.assert_allclose(embed(eyes[:20], encoder), whole, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(embed(eyes[5:6], encoder)[0], whole[5], rtol=1e-4, atol=1e-5)
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()


@pytest.mark.parametrize("encoder", ENCODERS)
def test_flat_pictures_are_finite(encoder):
    flat = np.stack([np.full((48, 40, 3), grey, np.uint8) for grey in (0, 128, 255)])
    assert np.isfinite(embed(flat, encoder)).all()


def test_large_pictures_are_reduced_and_small_ones_left_alone():
    assert shrink(np.zeros((1, 256, 128, 3), np.uint8)).shape == (1, 3, 64, 32)
    assert shrink(np.zeros((1, 40, 48, 3), np.uint8)).shape == (1, 3, 40, 48)


def test_refuses_an_encoder_that_is_not_there():
    with pytest.raises(AvatarflowError, match="unknown encoder"):
        embed(np.zeros((1, 8, 8, 3), np.uint8), "inception")
