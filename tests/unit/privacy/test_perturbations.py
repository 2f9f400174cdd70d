import numpy as np
import pytest
import torch

from avatarflow.core.errors import AvatarflowError
from avatarflow.privacy import perturbations
from avatarflow.privacy.perturbations import FAMILIES, alter


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (9, 12, 12, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 4, 1), 4, 2)


def at_strength(pictures, name, strength):
    generators = [np.random.default_rng(seed) for seed in range(len(pictures))]
    batch = perturbations.to_batch(pictures)
    strengths = torch.full((len(pictures),), strength)
    return perturbations.to_pictures(FAMILIES[name].apply(batch, strengths, generators))


@pytest.mark.parametrize("name", FAMILIES)
def test_shape_and_kind_are_kept(pictures, name):
    altered = alter(pictures, name, 2, 1, range(9))
    assert altered.shape == (18, 48, 48, 3)
    assert altered.dtype == np.uint8


@pytest.mark.parametrize(
    "name", [name for name in FAMILIES if name not in ("flip", "jpeg", "occlusion")]
)
def test_strength_zero_changes_nothing(pictures, name):
    altered = at_strength(pictures, name, 0.0)
    assert np.abs(altered.astype(int) - pictures).max() <= 1


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "flip"])
def test_stronger_is_farther(pictures, name):
    original = np.repeat(pictures, 4, 0)
    near, far = (at_strength(original, name, strength).astype(float) for strength in (0.15, 1.0))
    assert np.abs(far - original).mean() > np.abs(near - original).mean()


def test_flip_is_the_mirror_image(pictures):
    assert (alter(pictures, "flip", 1, 1, range(9)) == pictures[:, :, ::-1]).all()


def test_known_values():
    grey = np.full((1, 8, 8, 3), 128, np.uint8)
    level = perturbations.to_pictures(
        perturbations.brightness(perturbations.to_batch(grey), *_one())
    )[0, 0, 0, 0]
    assert int(level) in (
        round(128 * perturbations.MAX_EXPOSURE),
        round(128 / perturbations.MAX_EXPOSURE),
    )
    assert (alter(grey, "rotation", 1, 1, [0]) == 128).all()
    assert (alter(grey, "elastic", 1, 1, [0]) == 128).all()


def _one():
    return torch.ones(1), [np.random.default_rng(1)]


@pytest.mark.parametrize("name", FAMILIES)
def test_blocks_and_order_change_nothing(pictures, name, monkeypatch):
    whole = alter(pictures, name, 3, 5, range(9)).reshape(9, 3, 48, 48, 3)
    order = np.array([4, 8, 0, 2, 6, 1, 7, 5, 3])
    monkeypatch.setattr(perturbations, "BLOCK", 4)
    shuffled = alter(pictures[order], name, 3, 5, order).reshape(9, 3, 48, 48, 3)
    assert (shuffled == whole[order]).all()
    assert (alter(pictures[2:3], name, 3, 5, [2]) == whole[2]).all()


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "flip"])
def test_draws_purposes_and_seeds_differ(pictures, name):
    base = alter(pictures, name, 2, 5, range(9), "own")
    assert (base != alter(pictures, name, 2, 5, range(9), "calibration")).any()
    assert (base != alter(pictures, name, 2, 6, range(9), "own")).any()
    assert (base[::2] != base[1::2]).any()
    assert (base == alter(pictures, name, 2, 5, range(9), "own")).all()


def test_draws_climb_the_ladder(pictures):
    errors = [
        np.abs(alter(pictures, "noise", 4, 1, range(9))[draw::4].astype(float) - pictures).mean()
        for draw in range(4)
    ]
    assert errors == sorted(errors)


def test_unknown_family_is_refused(pictures):
    with pytest.raises(AvatarflowError, match="no family 'melting'; choose from rotation"):
        alter(pictures, "melting", 1, 1, range(9))
