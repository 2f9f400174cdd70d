"""Generator family "diffusion": a conditional denoising network with classifier-free guidance."""

import numpy as np
import torch
from diffusers import DiTPipeline
from torch import nn

from avatarflow.generators import codec as codecs
from avatarflow.generators import sampling
from avatarflow.generators.device import device
from avatarflow.generators.pipeline import assemble, load, save
from avatarflow.generators.settings import Compute, Network, Training
from avatarflow.generators.speed import prepare
from avatarflow.generators.task import TrainingTask
from avatarflow.generators.training.begin import begin, inherit_labels, refuse_other_size
from avatarflow.generators.training.latents import latents_of
from avatarflow.generators.training.loop import Loop
from avatarflow.generators.training.objective import Denoising, Predict
from avatarflow.generators.training.private import Private
from avatarflow.generators.training.processes import Processes
from avatarflow.imaging.spool import Stored
from avatarflow.runs.context import Step

from .denoiser import Denoiser
from .network import build, positions
from .schedule import scheduler

sample, ready, denoiser = sampling.sample, sampling.ready, Denoiser
MARK = None
"""Its generators are stock pipelines, without a file of its own."""


def train(task: TrainingTask, step: Step) -> None:
    """Train a generator and write it as a stock `DiTPipeline` folder.

    With a base, a pipeline folder or hub id, the base's network and codec are kept and the task's network is not used.

    Raises
    ------
    AvatarflowError
        On pictures that do not fit the network, an unknown label, a loss that is not finite.
    """
    together = Processes.here()
    training, compute = Training.of(task.training), Compute.of(task.compute)
    where, pictures, conditions = device(compute, together.local), task.pictures, task.conditions
    private = Private.of(task)
    codes, held = begin(task, together, step, **(private.identity() if private else {}))
    pipe = _start(task).to(where)
    model, codec = pipe.transformer, pipe.vae
    prepare(model, compute, positions(model))
    objective = Denoising(
        task,
        predict_with(together.wrap(model)),
        latents_of(codec, pictures),
        codes,
        pipe.scheduler,
        where,
    )
    if private:  # the range of latents stays the base's: it would tell of single pictures
        more = private.run(model, objective, training, held, step)
    else:
        loop = Loop(model, objective, len(pictures), training, task.seed, held, together)
        loop.run(training.steps, step)
        bound = max(largest_latent(codec, pictures), pipe.scheduler.config.clip_sample_range)
        pipe.scheduler.register_to_config(clip_sample_range=bound)
        more = {}
    held.hold()
    if together.first:
        save(assemble(model, codec, pipe.scheduler, conditions.labels()), task.out, more)


def predict_with(model: nn.Module) -> Predict:
    """Return the network's prediction of (noisy, time, class ids)."""

    def predict(noisy: torch.Tensor, time: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Predict (n, c, h, w) from noisy latents of that shape, times (n,) and class ids (n,)."""
        found: torch.Tensor = model(noisy, time, class_labels=ids).sample
        return found

    return predict


def largest_latent(codec: codecs.Codec, pictures: Stored) -> float:
    """Largest absolute latent of the pictures, where sampling clips; the exact bound for the pixel codec."""
    if codecs.factor(codec) == 1:
        bound = 3.0 * torch.atanh(torch.tensor(1.0 / 3.0)) * codec.config.scaling_factor
        return float(bound)
    where = next(codec.parameters()).device
    largest = max(
        float(codecs.encode(codec, batch.to(where)).abs().max())
        for batch in codecs.batches(pictures)
    )
    return float(np.ceil(largest * 10) / 10)


def _start(task: TrainingTask) -> DiTPipeline:
    """Return the pipeline that training starts from: the base's parts with rows for the new labels, or fresh parts."""
    labels, pictures, network = task.conditions.labels(), task.pictures, Network.of(task.network)
    if task.base is not None:
        pipe = load(task.base, task.network_allowed)
        size = pipe.transformer.config.sample_size * codecs.factor(pipe.vae)
        refuse_other_size(size, pictures.shape[1])
        inherit_labels(pipe.transformer.class_embedding.weight, pipe.labels, labels)
        return pipe
    codec = codecs.build(network, pictures)
    cells = pictures.shape[1] // codecs.factor(codec)
    model = build(network, cells, codec.config.latent_channels, task.seed)
    return assemble(model, codec, scheduler(network.noise_shift, 0.0, network.prediction), labels)
