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
    model: str | Path,
    known: Known,
    conditions: Conditions,
    settings: Mapping[str, Any],
    seed: int,
    state: Path,
    step: Step,
) -> Path:
    """Teach a copy of a generator the planted half of the non-members.

    Parameters
    ----------
    model : path
        The attacked generator's folder; it is not changed.
    known : Known
        Pictures of members and non-members; only the planted half of the non-members is taught.
    settings : mapping
        `generator`, `compute` and `attacks` of the config; `attacks.positive_control` are the training's settings.
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
        taught.pictures, conditions.table(taught.ids), conditions, settings["attacks"]["positive_control"],
        settings["compute"], seed, state=state / "training", out=folder, base=model, generator=settings["generator"],
    )  # fmt: skip
    train(task, step)
    return folder
