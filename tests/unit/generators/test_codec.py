"""Codecs: exact round trips, and the same through the stock classes."""

import numpy as np
import pytest
import torch

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import AvatarflowError
from avatarflow.generators import codec as codecs
from avatarflow.generators.settings import Network


@pytest.fixture
def noise() -> Pictures:
    """Pictures that no codec can guess."""
    return np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)


@pytest.fixture
def smooth() -> Pictures:
    """Coloured ramps, which few patterns describe."""
    y, x = np.mgrid[:16, :16] / 15.0
    ramps = [np.stack([a * y + (1 - a) * x, a * x, 1 - y], -1) for a in np.linspace(0, 1, 8)]
    return (np.stack(ramps) * 255).round().astype(np.uint8)


def round_trip(codec: codecs.Codec, pictures: Pictures) -> Pictures:
    return codecs.to_pictures(
        codecs.decode(codec, codecs.encode(codec, codecs.to_tensor(pictures)))
    )


def test_pixel_codec_is_exact(noise: Pictures) -> None:
    np.testing.assert_array_equal(round_trip(codecs.pixel(), noise), noise)


@pytest.mark.parametrize("value", [0, 255])
def test_pixel_codec_is_exact_at_black_and_white(value: int) -> None:
    flat = np.full((1, 16, 16, 3), value, np.uint8)
    np.testing.assert_array_equal(round_trip(codecs.pixel(), flat), flat)


def test_blocks_with_all_patterns_are_exact(noise: Pictures, smooth: Pictures) -> None:
    codec = codecs.blocks(smooth, codecs.VALUES)
    np.testing.assert_array_equal(round_trip(codec, noise), noise)


def test_blocks_with_few_patterns_keep_what_varies(smooth: Pictures) -> None:
    kept = round_trip(codecs.blocks(smooth, 12), smooth).astype(float)
    assert np.sqrt(np.mean((kept - smooth) ** 2)) < 1.0


def test_block_latents_are_those_of_the_formula(noise: Pictures, smooth: Pictures) -> None:
    codec = codecs.blocks(smooth, 6)
    latents = codecs.encode(codec, codecs.to_tensor(noise)).numpy()
    mean, patterns, spread = codecs.principal(smooth, 6)
    block = noise[2, 4:8, 8:12].astype(float) / 127.5 - 1  # row, column, colour
    values = block.reshape(2, 2, 2, 2, 3).transpose(4, 1, 3, 0, 2).ravel()
    expected = (
        patterns @ (values - mean) / np.sqrt(np.maximum(spread, 1e-3)) * codec.config.scaling_factor
    )
    np.testing.assert_allclose(latents[2, :, 1, 2], expected, atol=1e-4)


def test_block_latents_have_unit_power_over_their_pictures(smooth: Pictures) -> None:
    latents = codecs.encode(codecs.blocks(smooth, 12), codecs.to_tensor(smooth))
    assert float(latents.square().mean()) == pytest.approx(1.0, rel=0.02)


def test_codecs_are_not_trained(smooth: Pictures) -> None:
    assert not any(weight.requires_grad for weight in codecs.blocks(smooth, 4).parameters())
    assert not any(weight.requires_grad for weight in codecs.pixel().parameters())


def test_factor_is_pixels_per_cell(smooth: Pictures) -> None:
    for name in ("pixel", "blocks"):
        codec = codecs.build(Network(codec=name, latent_channels=5), smooth)
        cells = codecs.encode(codec, codecs.to_tensor(smooth)).shape[-1]
        assert cells * codecs.factor(codec) == 16


def test_rounds_to_the_nearest_grey_level() -> None:
    assert (
        codecs.to_pictures(torch.full((1, 3, 1, 1), 100.4 / 127.5 - 1)).ravel().tolist()
        == [100] * 3
    )
    assert codecs.to_pictures(torch.full((1, 3, 1, 1), 7.0)).ravel().tolist() == [255] * 3


def test_refuses_pictures_that_cannot_be_cut_into_blocks() -> None:
    with pytest.raises(AvatarflowError, match="18 x 18 px"):
        codecs.blocks(np.zeros((1, 18, 18, 3), np.uint8), 8)
