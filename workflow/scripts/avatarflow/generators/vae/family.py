"""Generator family "vae": a conditional variational autoencoder on the cells of a linear codec.

A picture is the mean of p(picture | hidden values, class) at hidden values drawn from a prior of the class. It is
smooth: what the hidden values cannot tell is averaged away. The guidance scale divides the variance of the prior; the
number of steps has no use.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avatarflow.generators import codec as codecs
from avatarflow.generators import sampling
from avatarflow.generators.conditions import Conditions, Ids
from avatarflow.generators.device import device, rounding
from avatarflow.generators.settings import Compute, Network, Training
from avatarflow.generators.speed import prepare
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.generators.training.begin import begin, inherit_labels, refuse_other_size
from avatarflow.generators.training.latents import Encoded, OnDemand, latents_of
from avatarflow.generators.training.loop import Loop
from avatarflow.generators.training.processes import Processes
from avatarflow.runs.context import Step

from .files import PRIOR, Parts, load, save
from .likelihood import Likelihood
from .network import ConditionalVae, build
from .objective import Evidence, divergence
from .prior import Prior
from .settings import Vae

MARK = PRIOR
NAME = "vae"
ENCODED_AT_ONCE = 64
IN_USE = 0.01
"""Mean divergence in nats above which a hidden value says something of pictures (Burda et al. 2016 count alike)."""

likelihood = Likelihood


def train(task: TrainingTask, step: Step) -> None:
    """Train a generator and write its folder.

    With a base, a folder of this family, its network and codec are kept and the task's network is not used.

    Raises
    ------
    AvatarflowError
        On pictures that do not fit the network, an unknown label, a base of another family, a loss that is not finite.
    """
    together, pictures, conditions = Processes.here(), task.pictures, task.conditions
    training, compute = Training.of(task.training), Compute.of(task.compute)
    where = device(compute, together.local)
    given = Vae.of(task.generator.get(NAME, {}))
    codes, held = begin(task, together, step, own=vars(given))
    parts = _start(task).to(where)
    own = settings_of(task.generator, parts.network)
    prepare(parts.network, compute)
    latents = latents_of(parts.codec, pictures)
    objective = Evidence(task, together.wrap(parts.network), own, latents, codes, where)
    Loop(parts.network, objective, len(pictures), training, task.seed, held, together).run(
        training.steps, step
    )
    held.hold()
    if together.first:
        mean, variance = hidden_values(parts.network, latents, conditions.encode(codes), compute)
        in_use = int((divergence(mean, variance.log()).mean(0) > IN_USE).sum())
        step.info("%d of %d hidden values in use", in_use, mean.shape[1])
        step.metric("hidden_values_in_use", in_use, training.steps)
        prior = parts.prior
        if own.prior == "fitted":
            prior = Prior.fitted(mean, variance, codes, conditions)
        save(Parts(parts.network, parts.codec, prior, parts.labels, parts.size_px), task.out)


def settings_of(generator: Mapping[str, Any], network: ConditionalVae) -> Vae:
    """Return the family's settings of `generator:`, with as many hidden values as the network has."""
    return Vae.of({**generator.get(NAME, {}), "latent_values": network.values})


def _start(task: TrainingTask) -> Parts:
    """Return what training starts from: the base's parts with rows for the new labels, or fresh parts."""
    network, pictures, labels = Network.of(task.network), task.pictures, task.conditions.labels()
    own, side = Vae.of(task.generator.get(NAME, {})), int(pictures.shape[1])
    known = task.conditions.words()
    if task.base is None:
        codec = codecs.build(network, pictures)
        cells, channels = side // codecs.factor(codec), codec.config.latent_channels
        fresh = build(network, own, cells, channels, task.seed)
        return Parts(fresh, codec, Prior.standard(len(known), fresh.values), known, side)
    base = load(task.base)
    refuse_other_size(base.size_px, side)
    old = {label: int(one) for one, label in base.labels.items()}
    inherit_labels(base.network.class_embedding.weight, old, labels)
    base.network.requires_grad_(True)
    return Parts(
        base.network, base.codec, Prior.standard(len(known), base.network.values), known, side
    )


@torch.no_grad()  # type: ignore[untyped-decorator]
def hidden_values(
    network: ConditionalVae, latents: Encoded | OnDemand, ids: Ids, compute: Compute
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance (n, values) of the hidden values of all pictures."""
    where, parts = next(network.parameters()).device, []
    for start in range(0, len(ids), ENCODED_AT_ONCE):
        rows = np.arange(start, min(start + ENCODED_AT_ONCE, len(ids)))
        shown = torch.from_numpy(ids[rows]).to(where)
        with rounding(compute, where):
            mean, log_variance = network.encode(latents[torch.from_numpy(rows)].to(where), shown)
        parts.append((mean.cpu(), log_variance.exp().cpu()))
    return torch.cat([mean for mean, _ in parts]), torch.cat([variance for _, variance in parts])


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
    parts.network.eval()

    def draw(ids: list[int], guidance: float, noises: list[torch.Generator], steps: int) -> Any:
        """Draw (n, h, w, 3) in [0, 1]: the decoder's mean at hidden values from the prior."""
        del steps
        asked = torch.tensor(ids, device=where)
        noise = torch.stack([torch.randn(parts.network.values, generator=one) for one in noises])
        hidden = parts.prior.draw(asked, noise.to(where), guidance)
        with torch.no_grad(), rounding(compute, where):
            decoded = parts.network.decode(hidden, asked)
        return codecs.shown(parts.codec, decoded)

    return draw
