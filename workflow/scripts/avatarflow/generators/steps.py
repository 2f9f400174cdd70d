"""The steps of image generation: what the rules pretrain, finetune, distill and sample call."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures
from avatarflow.generators.training.launch import in_processes
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import read_table
from avatarflow.imaging.spool import spooled
from avatarflow.runs.context import Step

from .conditions import Conditions
from .interface import sample, train
from .task import SamplingTask, TrainingTask
from .training_data import accepted_pictures

PUBLIC_LABELS = {"sex": ["female", "male"], "eye_side": ["left", "right"]}


@in_processes
def pretrain(
    settings: Mapping[str, Any], model: str, state: str, processes: int, step: Step
) -> None:
    """Train a public base on generated eyes.

    Parameters
    ----------
    settings : mapping
        `config.base_settings`: `pretrain`, `network`, `size_px`, `compute`, `seed`.
    model : str
        The `model_index.json` to end with; its folder is the pipeline.
    state : str
        Folder of checkpoints.
    """
    wanted = settings["pretrain"]
    pictures, table = public_eyes(wanted, settings["size_px"], settings["seed"], processes)
    step.info("%d generated eyes drawn", len(table))
    task = TrainingTask(
        pictures,
        table,
        Conditions(PUBLIC_LABELS),
        training=wanted["training"],
        **_settings(settings, model, state),
    )
    _train(task, step)


def public_eyes(
    wanted: Mapping[str, Any], size_px: int, seed: int, processes: int
) -> tuple[Pictures, pd.DataFrame]:
    """Generate eyes for a base.

    They come from a population of their own: no generated original or held-out subject of the same run is among them.
    """
    population = seeds.integer(seed, "public eyes")
    pairs = list(itertools.product(range(2 * wanted["persons"]), range(wanted["pictures_per_eye"])))
    identities, numbers = [one for one, _ in pairs], [number for _, number in pairs]
    return draw_eyes(wanted["kind"], identities, numbers, size_px, population, processes=processes)


@in_processes
def finetune(
    training: str, settings: Mapping[str, Any], model: str, state: str, base: str | None, step: Step
) -> None:
    """Train the teacher on the augmented originals.

    Parameters
    ----------
    training : str
        Shards of the training set.
    settings : mapping
        `conditions`, `network`, `training`, `tuning`, `compute`, `seed`, `hub`, `network_access`.
    base : str or None
        `model_index.json` of the base; None with no base, or with a hub id.
    """
    task = TrainingTask(
        spooled(training),
        read_table(training),
        Conditions(settings["conditions"]),
        training=settings["training"],
        base=start_of(base, settings),
        **_settings(settings, model, state),
    )
    _train(task, step)


@in_processes
def distill(
    samples: str,
    decisions: str,
    settings: Mapping[str, Any],
    model: str,
    state: str,
    base: str | None,
    step: Step,
) -> None:
    """Train the student on the accepted pictures of the teacher, and on nothing else.

    Parameters
    ----------
    samples, decisions : str
        The teacher's candidates and their decisions.
    base : str or None
        `model_index.json` of the public base; the teacher is never a base.
    """
    pictures, table = accepted_pictures(samples, decisions)
    step.info("the student learns from %d accepted pictures", len(table))
    task = TrainingTask(
        pictures,
        table,
        Conditions(settings["conditions"]),
        training=settings["training"],
        base=start_of(base, settings) if settings["training"]["start"] == "base" else None,
        **_settings(settings, model, state),
    )
    _train(task, step)


def start_of(base: str | None, settings: Mapping[str, Any]) -> str | None:
    """Return the folder of a base's `model_index.json`, or the configured hub id; None where there is neither."""
    return str(Path(base).parent) if base else settings.get("hub")


def sample_shard(
    model: str,
    settings: Mapping[str, Any],
    shard: str,
    stage: str,
    pictures: str,
    state: str,
    step: Step,
) -> None:
    """Draw one shard of the asked candidates.

    Parameters
    ----------
    settings : mapping
        `conditions`, `sample`, `compute`, `seed`.
    shard : str
        `2-of-3`; which part of the work this is. The pictures of all parts together do not depend on their number.
    """
    part, _, parts = shard.partition("-of-")
    step.params({"sample": settings["sample"], "shards": int(parts)})
    sample(
        settings["family"],
        Path(model).parent,
        SamplingTask(
            Conditions(settings["conditions"]),
            sample=settings["sample"],
            compute=settings["compute"],
            seed=settings["seed"],
            stage=stage,
            shard=int(part) - 1,
            shards=int(parts),
            state=Path(state),
            out=Path(pictures),
        ),
        step,
    )


def _settings(settings: Mapping[str, Any], model: str, state: str) -> dict[str, Any]:
    """Return what all trainings take from a step's settings, and the folders they write."""
    shared = {key: settings[key] for key in ("generator", "network", "tuning", "compute", "seed")}
    allowed = settings.get("network_access", False)
    return {
        **shared,
        "network_allowed": allowed,
        "state": Path(state),
        "out": Path(model).parent,
    }


def _train(task: TrainingTask, step: Step) -> None:
    step.params(
        {
            "training": task.training,
            "network": task.network,
            "compute": task.compute,
            "seed": task.seed,
        }
    )
    step.params(
        {
            "pictures": len(task.pictures),
            "size_px": task.pictures.shape[1],
            "classes": len(task.conditions),
        }
    )
    train(task, step)
