"""How a family with checkpoints begins a training: pictures that fit, and what an earlier run of the task left."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from avatarflow.core.digest import config_digest
from avatarflow.core.errors import refuse
from avatarflow.generators.conditions import NULL, Ids
from avatarflow.generators.pipeline import folder_digest
from avatarflow.generators.settings import Compute, Network, Training
from avatarflow.generators.task import TrainingTask
from avatarflow.imaging.spool import content_digest
from avatarflow.runs.context import Step
from avatarflow.runs.state import Follower, State

from .processes import Processes


def begin(
    task: TrainingTask, together: Processes, step: Step, **own: Any
) -> tuple[Ids, State | Follower]:
    """Return the codes of the pictures' conditions, and the state of the training.

    Parameters
    ----------
    **own
        What decides the weights beside that which every family has: settings of the family.

    Raises
    ------
    AvatarflowError
        On pictures that no network takes, or an unknown label.
    """
    pictures = task.pictures
    if len(pictures) == 0 or pictures.shape[1] != pictures.shape[2]:
        raise refuse(
            "training pictures",
            f"an array of shape {pictures.shape}",
            "give at least one picture, all square",
        )
    codes = task.conditions.codes(task.table)
    identity = _identity(task, codes, own)
    held = State(task.state / identity, identity) if together.first else Follower()
    if former := held.taken_over():
        step.info("state taken over from %s", former)
    return codes, held


def _identity(task: TrainingTask, codes: Ids, own: dict[str, Any]) -> str:
    """Digest of all that decides the trained weights, how often it is saved excepted."""
    free = {"checkpoint_steps", "checkpoint_s", "log_steps"}
    base, training = task.base, vars(Training.of(task.training))
    return config_digest(
        {
            "content": content_digest(task.pictures, codes.tobytes()),
            "labels": task.conditions.labels(),
            "network": vars(Network.of(task.network)),
            "training": {key: value for key, value in training.items() if key not in free},
            "compute": Compute.of(task.compute).decisive(),
            "seed": task.seed,
            "base": folder_digest(Path(base)) if base and Path(base).is_dir() else base,
            **own,
        }
    )


def refuse_other_size(side: int, wanted: int) -> None:
    """Refuse a base whose pictures have another side than those of the training, both in pixels.

    Raises
    ------
    AvatarflowError
    """
    if side != wanted:
        found = f"a generator of {side} px for pictures of {wanted} px"
        raise refuse("base", found, "make them equal")


def inherit_labels(table: torch.Tensor, old: Mapping[str, int], new: Mapping[int, str]) -> None:
    """Give the classes of a new run their rows: of the base's class with the same label, else of its null class.

    Parameters
    ----------
    table : (classes, width)
        A class embedding of the base; changed in place.
    old : label to class id in the base
    new : class id to label in the new run
    """
    with torch.no_grad():
        before = table.clone()
        table[:NULL] = before[NULL]
        for class_id, label in new.items():
            table[class_id] = before[old.get(label, NULL)]
