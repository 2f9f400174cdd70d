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
from avatarflow.imaging.spool import Stored, spooled
from avatarflow.runs.context import Step

from .conditions import Conditions
from .interface import Asked, sample, train
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
    _fit(pictures, table, Conditions(PUBLIC_LABELS), settings, wanted["training"], settings["compute"],
         settings["seed"], model=model, state=state, step=step, base=None)  # fmt: skip


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
    _fit(spooled(training), read_table(training), Conditions(settings["conditions"]), settings,
         settings["training"], settings["compute"], settings["seed"], model=model, state=state, step=step,
         base=start_of(base, settings))  # fmt: skip


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
    _fit(pictures, table, Conditions(settings["conditions"]), settings, settings["training"], settings["compute"],
         settings["seed"], model=model, state=state, step=step,
         base=start_of(base, settings) if settings["training"]["start"] == "base" else None)  # fmt: skip


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
        settings["family"], Path(model).parent, Conditions(settings["conditions"]), sample=settings["sample"],
        compute=settings["compute"], seed=settings["seed"], stage=stage, shard=int(part) - 1, shards=int(parts),
        state=Path(state), out=Path(pictures), step=step,
    )  # fmt: skip


def _fit(
    pictures: Stored,
    table: pd.DataFrame,
    conditions: Conditions,
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    compute: Mapping[str, Any],
    seed: int,
    model: str,
    state: str,
    step: Step,
    base: str | None,
) -> None:
    step.params(
        {"training": training, "network": settings["network"], "compute": compute, "seed": seed}
    )
    step.params(
        {"pictures": len(pictures), "size_px": pictures.shape[1], "classes": len(conditions)}
    )
    asked = Asked(
        settings["generator"], settings["network"], training, compute, seed, settings["tuning"],
        settings.get("network_access", False),
    )  # fmt: skip
    train(
        pictures,
        table,
        conditions,
        asked,
        state=Path(state),
        out=Path(model).parent,
        step=step,
        base=base,
    )
