"""The one interface of all generator families: train one, sample from it, and open it or its denoiser.

A family is a folder with a module `family` that has `train`, `sample`, `ready` (which opens a generator to draw from)
and `MARK` (a file that only its generators hold, None for stock pipelines); with the ability `denoise`, `denoiser` too,
with `likelihood`, `likelihood`, with `discriminator`, `discriminator`.
"""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from avatarflow.core.errors import refuse
from avatarflow.generators.diffusion import family as diffusion
from avatarflow.generators.diffusion.denoiser import Denoiser
from avatarflow.generators.foundation import family as foundation
from avatarflow.generators.gan import family as gan
from avatarflow.generators.pca_gaussian import family as pca_gaussian
from avatarflow.generators.vae import family as vae
from avatarflow.runs.context import Step

from .attacked import Discriminator, Likelihood
from .conditions import Conditions
from .families import DEFAULT, FAMILIES
from .sampling import Draw
from .settings import Compute
from .task import SamplingTask, TrainingTask

MODULES: dict[str, ModuleType] = {
    "diffusion": diffusion,
    "foundation": foundation,
    "pca_gaussian": pca_gaussian,
    "vae": vae,
    "gan": gan,
}


def train(task: TrainingTask, step: Step) -> None:
    """Train a generator of the family that the task names in `generator`.

    Raises
    ------
    AvatarflowError
        On a base that the family cannot start from, and whatever the family refuses.
    """
    name = task.generator["family"]
    if task.base is not None and not FAMILIES[name].base:
        raise refuse(
            "base",
            f"the family {name} starts from none",
            "set base.pretrain, folder and hub to null",
        )
    MODULES[name].train(task, step)


def sample(name: str, folder: Path, task: SamplingTask, step: Step) -> None:
    """Sample one shard of the asked candidates from a generator's folder."""
    MODULES[name].sample(folder, task, step)


def open_generator(folder: Path, conditions: Conditions, compute: Compute) -> Draw:
    """Open a generator by what lies in its folder, where no config names its family: see `sampling.Draw`."""
    marked = (one for one in MODULES.values() if one.MARK and (folder / one.MARK).is_file())
    draw: Draw = next(marked, MODULES[DEFAULT]).ready(folder, conditions, compute)
    return draw


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


def open_attacked(
    name: str,
    folder: Path,
    conditions: Conditions,
    compute: Mapping[str, Any] | Compute,
    where: str,
) -> Denoiser | Likelihood | Discriminator:
    """Open a generator for attacks on it, by what its family can do: likelihood or discriminator, else its denoiser.

    Parameters and errors as for `open_denoiser`.
    """
    asked = FAMILIES[name].attacked_by
    if asked == "denoise":
        return open_denoiser(name, folder, conditions, compute, where)
    opened: Likelihood | Discriminator = getattr(MODULES[name], asked)(folder, conditions, compute)
    return opened
