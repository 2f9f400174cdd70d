"""The denoiser of a generator's folder: what it predicts behind a noisy picture, as somebody sees it who holds it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from avatarflow.core.arrays import Pictures
from avatarflow.generators import codec as codecs
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.device import device, rounding
from avatarflow.generators.pipeline import load, words
from avatarflow.generators.settings import Compute


class Denoiser:
    """A pipeline folder, opened.

    Parameters
    ----------
    folder : path
        As `pipeline.save` writes it.
    conditions : Conditions
        Those the generator was trained with.
    compute : mapping or Compute

    Raises
    ------
    AvatarflowError
        If there is no such generator, or it knows other conditions.
    """

    def __init__(
        self, folder: str | Path, conditions: Conditions, compute: Mapping[str, Any] | Compute
    ) -> None:
        self.compute = Compute.of(compute)
        self.where = device(self.compute)
        self.pipe = load(folder).to(self.where)
        conditions.refuse_others(words(self.pipe), attacked=True)
        self.alphas_cumprod = self.pipe.scheduler.alphas_cumprod.double()  # (timesteps,)
        self.queries = 0
        """Passes of the network so far, counted per picture of a batch."""

    def latents(self, pictures: Pictures) -> torch.Tensor:
        """(n, channels, cells, cells) what the generator works on in place of the pictures."""
        return codecs.encode_all(self.pipe.vae, pictures, self.where)

    def signal(self, time: int) -> tuple[float, float]:
        """Shares of picture and of noise at a time: sqrt(abar) and sqrt(1 - abar)."""
        alpha = float(self.alphas_cumprod[time])
        return alpha**0.5, (1 - alpha) ** 0.5

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def predict(self, noisy: torch.Tensor, time: int, ids: torch.Tensor) -> torch.Tensor:
        """Predict the clean latents behind noisy ones at a time; one query."""
        self.queries += 1
        times = torch.full((len(noisy),), time, dtype=torch.long)
        with rounding(self.compute, self.where):
            predicted = self.pipe.transformer(
                noisy.to(self.where), times.to(self.where), class_labels=ids.to(self.where)
            ).sample
        predicted = predicted.float().cpu()
        if self.pipe.scheduler.config.prediction_type == "sample":
            return predicted
        signal, spread = self.signal(time)
        return signal * noisy - spread * predicted  # from the velocity

    def predict_noise(self, noisy: torch.Tensor, time: int, ids: torch.Tensor) -> torch.Tensor:
        """Predict the noise in noisy latents at a time; one query."""
        signal, spread = self.signal(time)
        return (noisy - signal * self.predict(noisy, time, ids)) / spread
