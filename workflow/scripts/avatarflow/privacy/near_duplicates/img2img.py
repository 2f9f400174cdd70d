"""Image to image by the project's own diffusion model: an original is noised to a time and denoised by the sampler.

References
----------
Meng et al. 2022, SDEdit. The strength is the share of the noise schedule that is gone through, as in diffusers' image
to image pipelines.
"""

import torch

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures
from avatarflow.generators import codec as codecs
from avatarflow.generators.device import rounding
from avatarflow.generators.diffusion.denoiser import Denoiser

from .subjects import Subjects

STEPS = 40
"""Sampling steps of the whole schedule; a strength takes its share of them, and at least one."""

MEANING = "noised up to that share of the schedule and denoised by the generator's own sampler, without guidance"


@torch.no_grad()  # type: ignore[untyped-decorator]
def make(generator: Denoiser, subjects: Subjects, strength: float, seed: int) -> Pictures:
    """Image to image (n, size, size, 3); the noise belongs to the item, whatever the strength."""
    schedule, network = generator.pipe.scheduler, generator.pipe.transformer
    schedule.set_timesteps(STEPS)
    times = schedule.timesteps[STEPS - max(1, round(STEPS * strength)) :]
    latents = generator.latents(subjects.pictures)
    noise = torch.stack([_noise(latents.shape[1:], seed, int(item)) for item in subjects.items])
    moved = schedule.add_noise(latents, noise, times[:1].expand(len(latents))).to(generator.where)
    ids = torch.from_numpy(subjects.ids).to(generator.where)
    for time in times:
        with rounding(generator.compute, generator.where):
            predicted = network(
                moved, time.expand(len(moved)).to(generator.where), class_labels=ids
            ).sample
        moved = schedule.step(predicted.float(), time, moved).prev_sample
    return codecs.to_pictures(codecs.decode(generator.pipe.vae, moved))


def _noise(shape: torch.Size, seed: int, item: int) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(seeds.integer(seed, "image to image", item))
    return torch.randn(shape, generator=drawn)
