"""A generator that leaks on purpose: the attacked one, taught half of the non-members until it knows them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avatarflow.generators.conditions import Conditions
from avatarflow.generators.interface import train
from avatarflow.generators.task import TrainingTask
from avatarflow.privacy.attacks.on_generator.registry import Known
from avatarflow.privacy.attacks.subjects import half_of
from avatarflow.runs.context import Step


def plant(
    model: str | Path, known: Known, conditions: Conditions, generator: Mapping[str, Any],
    training: Mapping[str, Any], compute: Mapping[str, Any],
    seed: int, state: Path, step: Step,
) -> Path:  # fmt: skip
    """Teach a copy of a generator the planted half of the non-members.

    Parameters
    ----------
    model : path
        The attacked generator's folder; it is not changed.
    known : Known
        Pictures of members and non-members; only the planted half of the non-members is taught.
    generator : mapping
        The config's map of that name.
    training : mapping
        Training settings (`steps`, `batch`, `learning_rate`, ...).
    state : Path
        Folder for checkpoints and for the planted generator, which never leaves it.

    Returns
    -------
    Path
        The planted generator's folder.
    """
    non_members = known.where(~known.member)
    taught = non_members.where(half_of(non_members.persons, seed))
    step.info("positive control: a copy is taught %d pictures of non-members", len(taught.pictures))
    folder = state / "planted"
    task = TrainingTask(
        taught.pictures, conditions.table(taught.ids), conditions, training, compute, seed,
        state=state / "training", out=folder, base=model, generator=generator,
    )  # fmt: skip
    train(task, step)
    return folder
