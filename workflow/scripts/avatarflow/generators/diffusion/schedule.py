"""The noise schedule, shared by training and by the released pipeline: cosine, shifted, with zero terminal SNR."""

import numpy as np
import torch
from diffusers import DDIMScheduler

TIMESTEPS = 1000


def scheduler(shift: float, clip_range: float, prediction: str = "v_prediction") -> DDIMScheduler:
    """Return a stock DDIM scheduler.

    Parameters
    ----------
    shift : float
        Noise is multiplied by this at each time, signal kept; above 1 suits large pictures (Hoogeboom et al. 2023).
    clip_range : float
        Predicted clean latents are clipped to +- this.
    prediction : str
        What the network predicts: `sample` (the clean latents) or `v_prediction` (the velocity).

    References
    ----------
    Nichol & Dhariwal 2021 (cosine schedule); Salimans & Ho 2022 (v-prediction); Lin et al. 2024 (zero terminal SNR,
    trailing timesteps).
    """
    time = np.arange(1, TIMESTEPS + 1) / TIMESTEPS
    signal = np.cos(0.5 * np.pi * time) ** 2
    alphas_cumprod = np.concatenate([[1.0], signal / (signal + shift**2 * (1 - signal))])
    betas = np.clip(1 - alphas_cumprod[1:] / alphas_cumprod[:-1], 1e-6, 0.999)
    return DDIMScheduler(
        num_train_timesteps=TIMESTEPS,
        trained_betas=[float(beta) for beta in betas],
        prediction_type=prediction,
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=True,
        clip_sample_range=clip_range,
    )


def weights(snr: torch.Tensor, kind: str, gamma: float) -> torch.Tensor:
    """Weight of a velocity error at each signal-to-noise ratio.

    `uniform` is 1; `min-snr` is (min(snr, gamma) + 1) / (snr + 1), which spends less on the last, nearly clean steps.
    The 1 added to Hang et al. (2023) keeps a weight of 1 where there is no signal, the step that sampling starts from.
    """
    return torch.ones_like(snr) if kind == "uniform" else (snr.clamp(max=gamma) + 1) / (snr + 1)


def noise_weights(snr: torch.Tensor, kind: str, gamma: float) -> torch.Tensor:
    """Weight of an error of the predicted noise: `uniform` is 1, `min-snr` min(snr, gamma) / snr (Hang et al. 2023)."""
    return torch.ones_like(snr) if kind == "uniform" else snr.clamp(max=gamma) / snr
