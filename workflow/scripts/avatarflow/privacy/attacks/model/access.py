"""A generator as somebody sees it who holds its folder: the noise it predicts in any noisy picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.device import device, rounding
from avatarflow.generators.diffusion import codec as codecs
from avatarflow.generators.pipeline import load
from avatarflow.generators.settings import Compute


class Access:
    """A pipeline folder, opened.

    Parameters
    ----------
    folder : path
        As `synthesis.pipeline.save` writes it.
    conditions : Conditions
        Those the generator was trained with.
    compute : mapping or Compute

    Raises
    ------
    AvatarflowError
        If there is no such generator, or it knows other conditions.
    """

    def __init__(self, folder: str | Path, conditions: Conditions, compute: Mapping[str, Any] | Compute) -> None:
        self.compute = Compute.of(compute)
        self.where = device(self.compute)
        self.pipe = load(folder).to(self.where)
        if self.pipe.labels != {label: class_id for class_id, label in conditions.labels().items()}:
            raise refuse("attacked generator", "trained with other conditions", "attack it with its own")
        self.kept = self.pipe.scheduler.alphas_cumprod.double()
        self.queries = 0
        """Passes of the network so far, counted per picture of a batch."""

    def latents(self, pictures: Pictures) -> torch.Tensor:
        """(n, channels, cells, cells) what the generator works on in place of the pictures."""
        parts = [codecs.encode(self.pipe.vae, batch.to(self.where)).cpu() for batch in codecs.batches(pictures)]
        return torch.cat(parts)

    def signal(self, time: int) -> tuple[float, float]:
        """Shares of picture and of noise at a time: sqrt(abar) and sqrt(1 - abar)."""
        kept = float(self.kept[time])
        return kept**0.5, (1 - kept) ** 0.5

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def clean(self, noisy: torch.Tensor, time: int, ids: torch.Tensor) -> torch.Tensor:
        """The clean latents that the network sees behind noisy ones at a time; one query."""
        self.queries += 1
        times = torch.full((len(noisy),), time, dtype=torch.long)
        with rounding(self.compute, self.where):
            guess = self.pipe.transformer(
                noisy.to(self.where), times.to(self.where), class_labels=ids.to(self.where)
            ).sample
        guess = guess.float().cpu()
        if self.pipe.scheduler.config.prediction_type == "sample":
            return guess
        signal, spread = self.signal(time)
        return signal * noisy - spread * guess  # from the velocity

    def noise(self, noisy: torch.Tensor, time: int, ids: torch.Tensor) -> torch.Tensor:
        """The noise that the network sees in noisy latents at a time; one query."""
        signal, spread = self.signal(time)
        return (noisy - signal * self.clean(noisy, time, ids)) / spread
