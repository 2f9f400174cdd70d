"""Generator family "gan": a conditional generative adversarial network on the cells of a linear codec.

A picture is one pass of the generator, from noise and a class. The guidance scale and the number of steps have no use:
there is no prediction without a condition to move away from, and nothing is done in steps.
"""

from pathlib import Path
from typing import Any

import torch

from avatarflow.generators import codec as codecs
from avatarflow.generators import sampling
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.device import device, run_rounded
from avatarflow.generators.settings import Compute, Network, Training
from avatarflow.generators.speed import prepare
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.generators.training.begin import begin, inherit_labels, refuse_other_size
from avatarflow.generators.training.latents import latents_of
from avatarflow.generators.training.processes import Processes
from avatarflow.runs.context import Step

from .discriminator import OpenedDiscriminator
from .files import MARK as MARK
from .files import Judge, Parts, load, load_judge, save
from .network import Discriminator, build
from .objective import Adversarial, Adversaries, AdversariesLoop
from .settings import Gan

NAME = "gan"

discriminator = OpenedDiscriminator


def train(task: TrainingTask, step: Step) -> None:
    """Train a generator with its discriminator and write both.

    With a base, a folder of this family, its networks and codec are kept and the task's network is not used.

    Raises
    ------
    AvatarflowError
        On pictures that do not fit the network, an unknown label, a base of another family or without
        its discriminator, a loss that is not finite.
    """
    together, pictures = Processes.here(), task.pictures
    training, compute = Training.of(task.training), Compute.of(task.compute)
    where = device(compute, together.local)
    own = Gan.of(task.generator.get(NAME, {}))
    codes, held = begin(task, together, step, own=own.decisive())
    parts, judging = _start(task, own)
    parts, judging = parts.to(where), judging.to(where)
    prepare(parts.generator, compute)  # not the other one: its gradient is differentiated again
    adversaries = Adversaries(
        parts.generator, judging, parts.codec, own.gradient_penalty, own.augmentation
    )
    for network in (adversaries.generator, adversaries.discriminator):
        run_rounded(network, compute, where)
    latents = latents_of(parts.codec, pictures)
    objective = Adversarial(
        task, together.wrap(adversaries), parts.generator.values, latents, codes, where
    )
    loop = AdversariesLoop(
        adversaries, objective, len(pictures), training, task.seed, held, together
    )
    loop.run(training.steps, step)
    held.hold()
    if together.first:
        judge = Judge(judging, own.augmentation)
        save(parts, judge, own.release_discriminator, task.out)


def _start(task: TrainingTask, own: Gan) -> tuple[Parts, Discriminator]:
    """Return what training starts from: the base's parts with rows for the new labels, or fresh parts."""
    network, pictures, labels = Network.of(task.network), task.pictures, task.conditions.labels()
    side, known = int(pictures.shape[1]), task.conditions.words()
    if task.base is None:
        codec = codecs.build(network, pictures)
        patch, channels = codecs.factor(codec), codec.config.latent_channels
        fresh, judging = build(network, own, side // patch, channels, patch, task.seed)
        return Parts(fresh, codec, known, side), judging
    base, judging = load(task.base), load_judge(task.base).network
    refuse_other_size(base.size_px, side)
    old = {label: int(one) for one, label in base.labels.items()}
    for part in (base.generator, judging):
        inherit_labels(part.class_embedding.weight, old, labels)
        part.requires_grad_(True)
    return Parts(base.generator, base.codec, known, side), judging


def sample(folder: Path, task: SamplingTask, step: Step) -> None:
    """Sample a shard."""
    sampling.sample(folder, task, step, ready)


def ready(folder: Path, conditions: Conditions, compute: Compute) -> sampling.Draw:
    """Open a generator: see `sampling.Draw`.

    Raises
    ------
    AvatarflowError
        If it was trained with other conditions.
    """
    where = device(compute)
    parts = load(folder).to(where)
    conditions.refuse_others(parts.labels)
    parts.generator.eval()
    run_rounded(parts.generator, compute, where)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def draw(ids: list[int], guidance: float, noises: list[torch.Generator], steps: int) -> Any:
        """Draw (n, h, w, 3) in [0, 1]."""
        del guidance, steps
        noise = torch.stack([torch.randn(parts.generator.values, generator=one) for one in noises])
        latents = parts.generator(noise.to(where), torch.tensor(ids, device=where))
        return codecs.shown(parts.codec, latents)

    opened: sampling.Draw = draw
    return opened
