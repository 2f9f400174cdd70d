"""Generator family `pca_gaussian`: a mean per condition, and one Gaussian around it in principal components.

It learns nothing but means and a covariance, in seconds, and serves as the classical statistical baseline.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from avatarflow.core.arrays import Rows
from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json, replacing_folder
from avatarflow.generators import sampling
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.settings import Compute
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.runs.context import Step

from .gaussian import loadings, pixel_blocks, scaled

INDEX, WEIGHTS = "model_index.json", "gaussian.safetensors"
MARK = WEIGHTS
FEWEST = 2
"""Pictures of a condition at least: the mean of one would be that picture."""


def train(task: TrainingTask, step: Step) -> None:
    """Fit means and components and write them. There is no state to go on from.

    Raises
    ------
    AvatarflowError
        If a condition has fewer than two pictures.
    """
    pictures, conditions, variance = task.pictures, task.conditions, task.generator["variance"]
    ids = conditions.ids(task.table)
    wanted = conditions.complete()
    few = [conditions.label(one) for one in wanted if (ids == one).sum() < FEWEST]
    if few:
        raise refuse(
            "training pictures",
            f"fewer than {FEWEST} of {', '.join(few)}",
            "leave the condition out",
        )
    flat = np.asarray(pictures).reshape(len(pictures), -1)
    place = {one: number for number, one in enumerate(wanted)}

    def centred(pixels: slice) -> tuple[Rows, Rows, Rows]:
        block = flat[:, pixels].astype(np.float32)
        overall = block.mean(0)
        means = np.stack([block[ids == one].mean(0) for one in wanted])  # (conditions, pixels)
        around = [means[place[one]] if one in place else overall for one in ids]
        return overall, means, block - np.stack(around)

    parts = list(pixel_blocks(*flat.shape))
    weights = loadings((centred(pixels)[2] for pixels in parts), float(variance))
    step.info("%d components hold %g of the variance", len(weights), variance)
    step.metric("components", len(weights), 0)
    arrays = {
        "overall": np.empty(flat.shape[1], np.float32),
        "means": np.empty((len(wanted), flat.shape[1]), np.float32),
        "components": np.empty((len(weights), flat.shape[1]), np.float32),
    }
    for pixels in parts:
        overall, means, block = centred(pixels)
        arrays["overall"][pixels], arrays["means"][:, pixels] = overall, means
        arrays["components"][:, pixels] = scaled(weights, block)
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()
    }
    with replacing_folder(task.out) as folder:
        save_file(tensors, folder / WEIGHTS)
        index = {
            "_class_name": "PcaGaussian",
            "size_px": pictures.shape[1],
            "id2label": conditions.labels(),
        }
        (folder / INDEX).write_text(
            json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )


def sample(folder: Path, task: SamplingTask, step: Step) -> None:
    """Sample a shard. Guidance moves the mean away from that of all pictures."""
    sampling.sample(folder, task, step, ready)


def ready(folder: Path, conditions: Conditions, compute: Compute) -> sampling.Draw:
    """Open a generator: see `sampling.Draw`. The number of steps has no use here.

    Raises
    ------
    AvatarflowError
        If it was trained with other conditions.
    """
    del compute
    index: Mapping[str, Any] = read_json(folder / INDEX)
    conditions.refuse_others(index["id2label"])
    arrays, side = load_file(folder / WEIGHTS), int(index["size_px"])
    place = {one: number for number, one in enumerate(conditions.complete())}

    def draw(ids: list[int], guidance: float, noises: list[torch.Generator], steps: int) -> Any:
        """Draw (n, h, w, 3) in [0, 1]: mean of the condition, moved by the guidance, plus a Gaussian along the axes."""
        del steps
        means = arrays["means"][[place[one] for one in ids]]  # (n, pixels)
        # (n, components)
        scores = torch.stack(
            [torch.randn(len(arrays["components"]), generator=noise) for noise in noises]
        )
        shifted = arrays["overall"] + guidance * (means - arrays["overall"])
        flat = shifted + scores @ arrays["components"]
        return (flat.clamp(0, 255) / 255).reshape(-1, side, side, 3).numpy()

    return draw
