"""What training minimises: the weighted error of a denoising network at random noise levels."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch

from avatarflow.generators.conditions import NULL, Conditions, Ids
from avatarflow.generators.device import rounding
from avatarflow.generators.diffusion.schedule import noise_weights, weights
from avatarflow.generators.settings import Compute, Training
from avatarflow.generators.task import TrainingTask

from .loop import Draw


class Latents(Protocol):
    """What a generator is trained on, (n, c, h, w): read by the rows of a batch, from memory or from elsewhere."""

    def __getitem__(self, rows: torch.Tensor, /) -> torch.Tensor:
        """(k,) row numbers to (k, c, h, w)."""


Predict = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""A network's prediction of noisy latents (n, c, h, w), times (n,) and class ids (n,)."""


class Denoising:
    """Loss of one batch, conditions dropped at random for classifier-free guidance (Ho & Salimans 2022).

    Parameters
    ----------
    task : TrainingTask
        Its conditions, training and compute settings.
    predict : Predict
    latents : (n, c, h, w)
    codes : (n, columns)
        The conditions of each picture.
    schedule : diffusers' scheduler
    """

    def __init__(
        self,
        task: TrainingTask,
        predict: Predict,
        latents: Latents,
        codes: Ids,
        schedule: Any,
        where: torch.device,
    ) -> None:
        self.predict, self.latents, self.codes, self.where = predict, latents, codes, where
        self.conditions, self.settings = task.conditions, Training.of(task.training)
        self.compute = Compute.of(task.compute)
        self.alphas_cumprod = schedule.alphas_cumprod
        self.prediction_type = schedule.config.prediction_type

    def __call__(self, draw: Draw) -> torch.Tensor:
        """Mean weighted squared error of the predicted velocity, or of the noise where a base predicts that."""
        count = len(draw.rows)
        clean = self.latents[torch.from_numpy(draw.rows[draw.part])].to(self.where)
        # drawn for the whole batch, so that the number of processes changes none: (batch, c, h, w) -> (part, c, h, w)
        noise = torch.randn((count, *clean.shape[1:]), generator=draw.noise)[draw.part].to(
            self.where
        )
        # stratified times: one draw per equal stretch, which evens the loss out at small batches
        time = (
            (torch.rand(1, generator=draw.noise) + torch.arange(count) / count)
            % 1.0
            * len(self.alphas_cumprod)
        ).long()
        time = time[draw.part]
        # (part,) -> (part, 1, 1, 1), beside latents (part, c, h, w)
        alphas_cumprod = self.alphas_cumprod[time].to(self.where)
        signal, spread = (
            alphas_cumprod.sqrt().view(-1, 1, 1, 1),
            (1 - alphas_cumprod).sqrt().view(-1, 1, 1, 1),
        )
        with rounding(self.compute, self.where):
            predicted = self.predict(
                signal * clean + spread * noise,
                time.to(self.where),
                shown_ids(draw, self.codes, self.conditions, self.settings).to(self.where),
            )
        snr, kind, gamma = (
            alphas_cumprod / (1 - alphas_cumprod),
            self.settings.weighting,
            self.settings.snr_gamma,
        )
        if self.prediction_type == "epsilon":
            return (
                (predicted.float() - noise).square().mean((1, 2, 3))
                * noise_weights(snr, kind, gamma)
            ).mean()
        # v = signal * noise - spread * clean, so at given latents an error of the clean ones is `spread` times one of v
        clean_one = self.prediction_type == "sample"
        error = (
            (predicted.float() - clean) / spread
            if clean_one
            else predicted.float() - (signal * noise - spread * clean)
        )
        return (error.square().mean((1, 2, 3)) * weights(snr, kind, gamma)).mean()


def shown_ids(draw: Draw, codes: Ids, conditions: Conditions, settings: Training) -> torch.Tensor:
    """Class ids (part,) of a step's pictures, conditions dropped at random: single columns, or all of them."""
    of_batch = codes[draw.rows].copy()
    lost = draw.choice.random(of_batch.shape) < settings.drop_column
    of_batch = np.where(lost, conditions.missing, of_batch)
    ids = conditions.encode(of_batch)
    ids[draw.choice.random(len(ids)) < settings.drop_all] = NULL
    return torch.from_numpy(ids[draw.part])
