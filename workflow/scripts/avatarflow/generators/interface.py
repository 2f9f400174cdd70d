"""The one interface of all generator families: train one, sample from it, and open its denoiser where it has one.

A family is a folder with a module `family` that has `train` and `sample`; with the ability `denoise`, `denoiser` too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from avatarflow.core.errors import refuse
from avatarflow.generators.diffusion import family as diffusion
from avatarflow.generators.diffusion.denoiser import Denoiser
from avatarflow.generators.foundation import family as foundation
from avatarflow.generators.pca_gaussian import family as pca_gaussian
from avatarflow.imaging.spool import Stored
from avatarflow.runs.context import Step

from .conditions import Conditions
from .families import FAMILIES
from .settings import Compute

MODULES: dict[str, ModuleType] = {
    "diffusion": diffusion,
    "foundation": foundation,
    "pca_gaussian": pca_gaussian,
}


@dataclass(frozen=True)
class Asked:
    """What the config asks of a training; a family takes of it what it has use for.

    `generator` is the config's map of that name (`family` and its own settings); `network`, `training` and `tuning`
    are those of `network:`, of `finetune:` or `distill:`, and of `base.tuning`.
    """

    generator: Mapping[str, Any]
    network: Mapping[str, Any]
    training: Mapping[str, Any]
    compute: Mapping[str, Any]
    seed: int
    tuning: Mapping[str, Any]
    network_allowed: bool = False


def train(
    pictures: Stored,
    table: pd.DataFrame,
    conditions: Conditions,
    asked: Asked,
    *,
    state: Path,
    out: Path,
    step: Step,
    base: str | Path | None = None,
) -> None:
    """Train a generator of the family that the config names.

    Parameters
    ----------
    pictures : (n, size, size, 3) uint8
        An array, or a spool of which a training step reads its own.
    table : (n rows)
        Holds the condition columns; missing values are allowed.
    state : Path
        Checkpoints; a second call with the same arguments goes on where the first one stopped.
    out : Path
        The folder to write, whole at the end. It holds `model_index.json`.
    base : path or hub id, optional
        What training starts from.

    Raises
    ------
    AvatarflowError
        On a base that the family cannot start from, and whatever the family refuses.
    """
    name = asked.generator["family"]
    if base is not None and not FAMILIES[name].base:
        raise refuse(
            "base",
            f"the family {name} starts from none",
            "set base.pretrain, folder and hub to null",
        )
    MODULES[name].train(
        pictures, table, conditions, asked, state=state, out=out, step=step, base=base
    )


def sample(name: str, folder: Path, conditions: Conditions, **asked: Any) -> None:
    """Sample one shard of the asked candidates; further arguments as in `sampling.sample`."""
    MODULES[name].sample(folder, conditions, **asked)


def open_denoiser(
    name: str,
    folder: Path,
    conditions: Conditions,
    compute: Mapping[str, Any] | Compute,
    where: str,
) -> Denoiser:
    """Open the denoiser of a generator.

    Parameters
    ----------
    where : str
        What needs it, for the refusal.

    Raises
    ------
    AvatarflowError
        If the family has none, or the folder is not one of it.
    """
    if not FAMILIES[name].denoise:
        able = ", ".join(one for one, can in FAMILIES.items() if can.denoise)
        raise refuse(
            where, f"the family {name} predicts no clean picture", f"only {able} can be asked"
        )
    opened: Denoiser = MODULES[name].denoiser(folder, conditions, compute)
    return opened
