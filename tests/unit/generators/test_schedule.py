"""The noise schedule and the weights of its levels."""

import pytest
import torch

from avatarflow.generators.diffusion.schedule import scheduler, weights


def test_the_last_timestep_holds_no_signal() -> None:
    alphas_cumprod = scheduler(1.0, 1.0).alphas_cumprod
    assert float(alphas_cumprod[-1]) == 0.0
    assert float(alphas_cumprod[0]) > 0.999
    assert bool((alphas_cumprod.diff() < 0).all())


def test_a_shift_scales_the_noise() -> None:
    plain, shifted = (scheduler(shift, 1.0).alphas_cumprod[500] for shift in (1.0, 2.0))
    assert float((1 / shifted - 1) / (1 / plain - 1)) == pytest.approx(4.0, rel=0.05)


def test_prediction_is_told_to_whoever_samples() -> None:
    config = scheduler(1.0, 2.5, "sample").config
    assert (config.prediction_type, config.clip_sample_range, config.timestep_spacing) == (
        "sample",
        2.5,
        "trailing",
    )


@pytest.mark.parametrize(
    ("snr", "weight"), [(0.0, 1.0), (1.0, 1.0), (5.0, 1.0), (11.0, 0.5), (59.0, 0.1)]
)
def test_min_snr_spends_less_where_little_noise_is_left(snr: float, weight: float) -> None:
    assert float(weights(torch.tensor(snr), "min-snr", 5.0)) == pytest.approx(weight)
    assert float(weights(torch.tensor(snr), "uniform", 5.0)) == 1.0
