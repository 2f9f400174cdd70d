"""What training minimises: the relativistic loss of both networks, with gradient penalties, in one pass.

Both networks take their step at once, from the same pictures. Then the gradient of the discriminator's score by a
generated picture, which its penalty needs, is also all that the generator needs to know of the discriminator.

References
----------
Jolicoeur-Martineau 2018 (arXiv 1807.00734; pairs of real and generated); Mescheder et al. 2018 (arXiv 1801.04406; R1
and R2, steps at once or in turns); Huang et al. 2024 (arXiv 2501.05441), section 2 (both together).
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional

from avatarflow.generators import codec as codecs
from avatarflow.generators.codec import Codec
from avatarflow.generators.conditions import Ids
from avatarflow.generators.settings import Training
from avatarflow.generators.task import TrainingTask
from avatarflow.generators.training.loop import Draw, Loop
from avatarflow.generators.training.objective import Latents, shown_ids

from .augmentation import NUMBERS, augment


class Adversaries(nn.Module):
    """Generator and discriminator as one model, whose pass gives the sum of their losses.

    Parameters
    ----------
    generator : of noise (n, values) and class ids (n,), to latents (n, c, h, w)
    discriminator : of pictures (n, 3, height, width) and class ids, to scores (n,)
    codec : Codec
    gradient_penalty : float
    augmentation : names of alterations
    """

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, codec: Codec, gradient_penalty: float,
        augmentation: Sequence[str],
    ) -> None:  # fmt: skip
        super().__init__()
        self.generator, self.discriminator, self.codec = generator, discriminator, codec
        self.gradient_penalty, self.augmentation = gradient_penalty, augmentation

    def forward(
        self, latents: torch.Tensor, ids: torch.Tensor, noise: torch.Tensor, numbers: torch.Tensor
    ) -> torch.Tensor:
        """Return the sum of both losses; each weight has the gradient of its own network's loss.

        Parameters
        ----------
        latents : (n, c, h, w)
            Of real pictures.
        ids : (n,)
            Classes; a real picture and the generated one that it is compared with have the same.
        noise : (n, values)
        numbers : (n, NUMBERS)
            Of the augmentation; it alters both pictures of a pair alike.
        """
        real = codecs.decode(self.codec, latents)
        made = codecs.decoded(self.codec, self.generator(noise, ids))
        shown_real, shown_made = (
            augment(each, numbers, self.augmentation) for each in (real, made)
        )
        pictures = torch.cat([shown_real, shown_made.detach()]).requires_grad_()
        scores = self.discriminator(pictures, ids.repeat(2))
        (slopes,) = torch.autograd.grad(scores.sum(), pictures, create_graph=True)
        margin = scores[: len(ids)] - scores[len(ids) :]
        # (R1 + R2) / 2 with R1 and R2 the mean of the first and of the second half
        penalty = self.gradient_penalty * slopes.square().flatten(1).sum(1).mean()
        of_discriminator = relativistic(margin) + penalty
        # d loss / d picture = d loss / d margin * d margin / d picture, for each generated picture
        pull = -torch.sigmoid(margin).detach().view(-1, 1, 1, 1) * slopes[len(ids) :].detach()
        moved = (pull * shown_made).flatten(1).sum(1).mean()
        of_generator = (
            moved + (relativistic(-margin) - moved).detach()
        )  # the loss, with that gradient
        return of_discriminator + of_generator


def relativistic(margin: torch.Tensor) -> torch.Tensor:
    """Return the mean of log(1 + exp(-margin)): small where the first of a pair has the higher score."""
    return functional.softplus(-margin).mean()


Pass = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""`Adversaries` as a function."""


class Adversarial:
    """Loss of one batch, conditions dropped at random so that missing ones are known.

    Parameters
    ----------
    task : TrainingTask
        Its conditions and training settings.
    adversaries : Pass
    values : int
        Noise values per picture.
    latents : (n, c, h, w)
    codes : (n, columns)
        The conditions of each picture.
    where : device
    """

    def __init__(
        self, task: TrainingTask, adversaries: Pass, values: int, latents: Latents, codes: Ids, where: torch.device
    ) -> None:  # fmt: skip
        self.adversaries, self.values, self.latents = adversaries, values, latents
        self.codes, self.where, self.conditions = codes, where, task.conditions
        self.settings = Training.of(task.training)

    def __call__(self, draw: Draw) -> torch.Tensor:
        """Sum of both losses."""
        count = len(draw.rows)
        real = self.latents[torch.from_numpy(draw.rows[draw.part])]
        # drawn for the whole batch, so that the number of processes changes none: (batch, k) -> (part, k)
        noise = torch.randn((count, self.values), generator=draw.noise)[draw.part]
        numbers = torch.rand((count, NUMBERS), generator=draw.noise)[draw.part]
        ids = shown_ids(draw, self.codes, self.conditions, self.settings)
        return self.adversaries(*(each.to(self.where) for each in (real, ids, noise, numbers)))


class AdversariesLoop(Loop):
    """The loop for two networks with opposed aims: no momentum, and gradients shortened for each by itself."""

    betas = (0.0, 0.99)

    def clip(self) -> float:
        """Shorten the gradient of each network; return the larger norm."""
        apart = (
            [value for key, value in self.weights.items() if key.startswith(f"{name}.")]
            for name in ("generator", "discriminator")
        )
        norms = [nn.utils.clip_grad_norm_(each, self.settings.clip_norm) for each in apart]
        return float(torch.stack(norms).max())
