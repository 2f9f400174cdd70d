"""Generator family "diffusion": a conditional denoising network with classifier-free guidance."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from diffusers import DiTPipeline
from torch import nn

from avatarflow.core.digest import config_digest
from avatarflow.core.errors import refuse
from avatarflow.generators import sampling
from avatarflow.generators.conditions import Conditions, Ids
from avatarflow.generators.device import device
from avatarflow.generators.pipeline import assemble, folder_digest, load, save
from avatarflow.generators.settings import Compute, Network, Training
from avatarflow.generators.speed import prepare
from avatarflow.generators.training.latents import Encoded, OnDemand
from avatarflow.generators.training.loop import Loop
from avatarflow.generators.training.objective import Denoising, Latents, Predict
from avatarflow.generators.training.processes import Processes
from avatarflow.imaging.spool import Stored, content_digest, folder_of
from avatarflow.runs.context import Step
from avatarflow.runs.state import Follower, State

from . import codec as codecs
from .denoiser import Denoiser
from .network import build, inherit_labels, positions
from .schedule import scheduler

if TYPE_CHECKING:
    from avatarflow.generators.interface import Asked

sample, denoiser = sampling.sample, Denoiser


def train(
    pictures: Stored,
    table: pd.DataFrame,
    conditions: Conditions,
    asked: "Asked",
    *,
    state: Path,
    out: Path,
    step: Step,
    base: str | Path | None = None,
) -> None:
    """Train a generator; arguments as in `interface.train`."""
    fit(
        pictures, table, conditions, network=asked.network, training=asked.training, compute=asked.compute,
        seed=asked.seed, state=state, out=out, step=step, base=base, network_allowed=asked.network_allowed,
    )  # fmt: skip


def fit(
    pictures: Stored,
    table: pd.DataFrame,
    conditions: Conditions,
    *,
    network: Mapping[str, Any] | Network,
    training: Mapping[str, Any] | Training,
    compute: Mapping[str, Any] | Compute,
    seed: int,
    state: Path,
    out: Path,
    step: Step,
    base: str | Path | None = None,
    network_allowed: bool = False,
) -> None:
    """Train a generator and write it as a stock `DiTPipeline` folder.

    Parameters
    ----------
    pictures : (n, size, size, 3) uint8
    table : (n rows)
        Holds the condition columns; missing values are allowed.
    network, training, compute : mappings or settings
        With a base, the base's network and codec are kept and `network` is not used.
    state : Path
        Checkpoints, in a folder for each configuration; a second call with the same arguments goes on where the first
        one stopped.
    out : Path
        The pipeline folder, written whole at the end.
    base : path, optional
        A pipeline folder (or, with `network_allowed`, a hub id) to start from; None starts from nothing.

    Raises
    ------
    AvatarflowError
        On pictures that do not fit the network, an unknown label, a loss that is not finite.
    """
    together = Processes.here()
    shape, train, where = (
        Network.of(network),
        Training.of(training),
        device(Compute.of(compute), together.local),
    )
    if len(pictures) == 0 or pictures.shape[1] != pictures.shape[2]:
        raise refuse(
            "training pictures",
            f"an array of shape {pictures.shape}",
            "give at least one picture, all square",
        )
    codes = conditions.codes(table)
    identity = _identity(pictures, codes, conditions, shape, train, Compute.of(compute), seed, base)
    held = State(state / identity, identity) if together.first else Follower()
    if former := held.taken_over():
        step.info("state taken over from %s", former)
    pipe = _start(pictures, conditions, shape, seed, base, network_allowed).to(where)
    model, codec = pipe.transformer, pipe.vae
    prepare(model, Compute.of(compute), positions(model))
    objective = Denoising(
        predict_with(together.wrap(model)), latents_of(codec, pictures), codes, conditions, train, Compute.of(compute),
        pipe.scheduler, where,
    )  # fmt: skip
    Loop(model, objective, len(pictures), train, seed, held, "network", together).run(
        train.steps, step
    )
    held.hold()
    if not together.first:
        return
    pipe.scheduler.register_to_config(
        clip_sample_range=max(
            largest_latent(codec, pictures), pipe.scheduler.config.clip_sample_range
        )
    )
    save(assemble(model, codec, pipe.scheduler, conditions.labels()), out)


def predict_with(model: nn.Module) -> Predict:
    """Return the network's prediction of (noisy, time, class ids)."""

    def predict(noisy: torch.Tensor, time: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = model(noisy, time, class_labels=ids).sample
        return found

    return predict


def latents_of(codec: codecs.Codec, pictures: Stored) -> Latents:
    """Latents of all pictures: the codec is fixed, so each picture is encoded once and not at every step.

    Only pixels themselves are encoded for each step: they would take four times the pictures on disk.
    """
    where = next(codec.parameters()).device
    if codecs.factor(codec) == 1:
        return OnDemand(
            pictures, lambda some: codecs.encode(codec, codecs.to_tensor(some).to(where)).cpu()
        )
    encoded = (codecs.encode(codec, batch.to(where)).cpu() for batch in codecs.batches(pictures))
    return Encoded(encoded, folder_of(pictures))


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


def _start(
    pictures: Stored,
    conditions: Conditions,
    network: Network,
    seed: int,
    base: str | Path | None,
    network_allowed: bool,
) -> DiTPipeline:
    """Return the pipeline that training starts from: the base's parts with rows for the new labels, or fresh parts."""
    labels = conditions.labels()
    if base is not None:
        pipe = load(base, network_allowed)
        size = pipe.transformer.config.sample_size * codecs.factor(pipe.vae)
        if size != pictures.shape[1]:
            raise refuse(
                "base",
                f"a generator of {size} px for pictures of {pictures.shape[1]} px",
                "make them equal",
            )
        inherit_labels(pipe.transformer, pipe.labels, labels)
        return pipe
    codec = codecs.build(network, pictures)
    cells = pictures.shape[1] // codecs.factor(codec)
    model = build(network, cells, codec.config.latent_channels, seed)
    return assemble(model, codec, scheduler(network.noise_shift, 0.0, network.prediction), labels)


def _identity(
    pictures: Stored, codes: Ids, conditions: Conditions, network: Network, training: Training,
    compute: Compute, seed: int, base: str | Path | None,
) -> str:  # fmt: skip
    """Digest of all that decides the trained weights, how often it is saved excepted."""
    free = {"checkpoint_steps", "checkpoint_s", "log_steps"}
    return config_digest(
        {
            "content": content_digest(pictures, codes.tobytes()),
            "labels": conditions.labels(),
            "network": vars(network),
            "training": {key: value for key, value in vars(training).items() if key not in free},
            "compute": compute.decisive(),
            "seed": seed,
            "base": folder_digest(Path(base)) if base and Path(base).is_dir() else base,
        }
    )
