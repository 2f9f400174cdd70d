"""Bulk sampling: so many per condition and guidance scale, resumable, with equal bytes for any number of shards."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from avatarflow.core.arrays import Pictures
from avatarflow.core.digest import config_digest
from avatarflow.core.errors import refuse
from avatarflow.core.seeds import integer
from avatarflow.imaging.shards import write_shard
from avatarflow.imaging.spool import Spool, Stored
from avatarflow.runs.context import Step
from avatarflow.runs.state import State
from avatarflow.runs.stopping import watching

from .conditions import Conditions, Ids
from .device import device, run_rounded
from .pipeline import folder_digest, load, words
from .settings import Compute, Sampling
from .speed import prepare
from .task import SamplingTask


def plan(
    conditions: Conditions, settings: Mapping[str, Any] | Sampling, stage: str
) -> pd.DataFrame:
    """Return what will be sampled: one row per candidate.

    Returns
    -------
    DataFrame
        `candidate` (`teacher-000123`), the condition columns, `guidance`, `class_id`, and `steps` where a list of them
        was asked for. Guidance scales follow each other, within one the numbers of steps; within those, conditions take
        turns, so that every stretch is balanced.
    """
    asked = Sampling.of(settings)
    classes = conditions.complete()
    several = [] if isinstance(asked.steps, int) else list(asked.steps)
    each = asked.per_condition * max(1, len(several))  # of a condition and a guidance scale
    ids = np.tile(np.array(classes, np.int64), each * len(asked.guidance))
    table = conditions.table(ids)
    table.insert(0, "candidate", [f"{stage}-{number:06d}" for number in range(len(ids))])
    table["guidance"] = np.repeat(np.array(asked.guidance, np.float64), each * len(classes))
    if several:
        table["steps"] = np.tile(
            np.repeat(several, asked.per_condition * len(classes)), len(asked.guidance)
        )
    table["class_id"] = ids
    return table


def sample(
    generator: Path,
    task: SamplingTask,
    step: Step,
    opener: "Callable[[Path, Conditions, Compute], Draw] | None" = None,
) -> None:
    """Sample one shard of the asked candidates and write it as one shard file.

    A shard is a run of whole micro-batches, so shards joined in order are the same pictures however many there are.

    Parameters
    ----------
    generator : Path
        A pipeline folder.
    task : SamplingTask
    step : Step
    opener : function, optional
        Opens a generator of another family; see `ready`.

    Raises
    ------
    Stopped
        When a signal asked for it, between two micro-batches.
    """
    limits, asked = Compute.of(task.compute), plan(task.conditions, task.sample, task.stage)
    steps: Any = Sampling.of(task.sample).steps
    every = blocks(asked, limits.micro_batch)
    first, end = (len(every) * number // task.shards for number in (task.shard, task.shard + 1))
    mine = every[first:end]
    identity = config_digest(
        [
            folder_digest(generator),
            asked.to_dict("list"),
            steps,
            limits.decisive(),
            task.seed,
            task.shard,
            task.shards,
        ]
    )
    held = State(task.state / identity, identity)
    if former := held.taken_over():
        step.info("state taken over from %s", former)
    draw = (opener or ready)(generator, task.conditions, limits)
    drawn: Stored = np.zeros((0, 1, 1, 3), np.uint8)
    with watching() as stop:
        for number, rows in enumerate(mine):
            count = int(asked["steps"].iloc[rows[0]]) if "steps" in asked else int(steps)
            block = _block(draw, asked, rows, count, task.seed, held)
            if not isinstance(drawn, Spool):
                drawn = Spool(task.out.parent, block.shape[1])
            drawn.extend(block)
            step.progress(number + 1, len(mine), "micro-batches")
            if stop.asked and number + 1 < len(mine):
                raise stop.now(f"behind micro-batch {number + 1} of {len(mine)}")
    held.hold()
    rows = np.concatenate([np.zeros(0, np.int64), *mine])
    write_shard(task.out, drawn, asked.iloc[rows].drop(columns="class_id"))
    held.forget("block-*")


def blocks(asked: pd.DataFrame, micro_batch: int) -> list[Ids]:
    """Rows that run through the network together: neighbours of one guidance and steps, whatever the shards."""
    cut = []
    alike = asked[[name for name in ("guidance", "steps") if name in asked]].to_numpy(np.float64)
    changes = (alike[1:] != alike[:-1]).any(1)
    edges = np.flatnonzero(np.r_[True, changes, True]) if len(asked) else np.zeros(0, np.int64)
    for start, end in pairwise(edges):
        cut += [
            np.arange(at, min(at + micro_batch, int(end)))
            for at in range(int(start), int(end), micro_batch)
        ]
    return cut


Draw = Callable[[list[int], float, list[torch.Generator], int], Any]
"""Pictures (n, h, w, 3) in [0, 1] of class ids, a guidance scale, a generator each, and a number of steps."""


def ready(generator: Path, conditions: Conditions, compute: Compute) -> Draw:
    """Return the pipeline on its device, its network running in the asked precision (latents and codec stay 32-bit)."""
    where = device(compute)
    pipe = load(generator).to(where)
    conditions.refuse_others(words(pipe))
    prepare(pipe.transformer, compute)
    run_rounded(pipe.transformer, compute, where)
    return lambda ids, guidance, noises, steps: (
        pipe(
            class_labels=ids,
            guidance_scale=guidance,
            generator=noises,
            num_inference_steps=steps,
            output_type="np",
        ).images
    )


def _block(
    draw: Draw,
    asked: pd.DataFrame,
    rows: Ids,
    steps: int,
    seed: int,
    held: State,
) -> Pictures:
    """Return one micro-batch: from the state if it is finished there, else sampled and kept."""
    name = f"block-{rows[0]:08d}.safetensors"
    if (found := held.load(name)) is not None:
        kept: Pictures = found[0]["pictures"].numpy()
        return kept
    ask = asked.iloc[rows]
    noises = [torch.Generator().manual_seed(_noise_seed(seed, name)) for name in ask["candidate"]]
    drawn = draw(ask["class_id"].tolist(), float(ask["guidance"].iloc[0]), noises, steps)
    if not np.isfinite(drawn).all():
        raise refuse(
            "sampling",
            "pictures that are not finite",
            "train with a lower learning rate or sample in fp32",
        )
    pictures: Pictures = (drawn * 255).round().astype(np.uint8)
    held.save({"pictures": torch.from_numpy(pictures)}, {}, name)
    return pictures


def _noise_seed(seed: int, candidate: str) -> int:
    """A candidate's own seed; its number is an item of its stage, since hashed names would collide among many."""
    stage, _, number = candidate.rpartition("-")
    return integer(seed, f"sample {stage}", int(number))
