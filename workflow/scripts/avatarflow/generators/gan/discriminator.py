"""What a generator's discriminator thinks of pictures, as somebody sees it who holds it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from avatarflow.core.arrays import Pictures
from avatarflow.generators import codec as codecs
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.device import device, run_rounded
from avatarflow.generators.settings import Compute

from .augmentation import NUMBERS, augment
from .files import load, load_judge

DRAWN = 64
"""Pictures of a class that set the level of its scores."""


class OpenedDiscriminator:
    """The folder that training has written, opened: see `generators.attacked.Discriminator`.

    Raises
    ------
    AvatarflowError
        If there is no such generator, it has no discriminator, or it knows other conditions.
    """

    values = NUMBERS

    def __init__(
        self, folder: str | Path, conditions: Conditions, compute: Mapping[str, Any] | Compute
    ) -> None:
        self.compute = Compute.of(compute)
        self.where = device(self.compute)
        self.parts, judge = load(folder).to(self.where), load_judge(folder)
        self.parts.generator.eval()
        conditions.refuse_others(self.parts.labels, attacked=True)
        self.network, self.augmentation = judge.network.to(self.where).eval(), judge.augmentation
        run_rounded(self.network, self.compute, self.where)
        run_rounded(self.parts.generator, self.compute, self.where)
        self.queries = 0
        self._levels: dict[int, float] = {}

    def latents(self, pictures: Pictures) -> torch.Tensor:
        """(n, channels, cells, cells) what the generator works on in place of the pictures."""
        return codecs.encode_all(self.parts.codec, pictures, self.where)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def judge(self, latents: torch.Tensor, ids: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Scores (n,) of pictures altered by noise (n, values), less the level of their classes; one query."""
        self.queries += 1
        levels = torch.tensor([self._level(int(one)) for one in ids], dtype=torch.float64)
        return self._scores(latents, ids, noise) - levels

    def _scores(
        self, latents: torch.Tensor, ids: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        pictures = codecs.decode(self.parts.codec, latents.to(self.where))
        numbers = torch.special.ndtr(noise).to(self.where)  # normal to uniform on [0, 1]
        shown = augment(pictures, numbers, self.augmentation)
        scores: torch.Tensor = self.network(shown, ids.to(self.where))
        return scores.double().cpu()

    def _level(self, class_id: int) -> float:
        """Mean score of pictures drawn of a class.

        Training compares pictures of the same class only, so that it leaves open where the scores of a class lie.
        """
        if class_id not in self._levels:
            random = torch.Generator().manual_seed(class_id)
            sizes = (self.parts.generator.values, self.values)
            drawn, noise = (torch.randn(DRAWN, size, generator=random) for size in sizes)
            ids = torch.full((DRAWN,), class_id)
            latents = self.parts.generator(drawn.to(self.where), ids.to(self.where))
            self._levels[class_id] = float(self._scores(latents, ids, noise).mean())
        return self._levels[class_id]
