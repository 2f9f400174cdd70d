"""The closed list of training transforms: their names, parameters and checks, and the kornia classes behind them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import kornia.augmentation as kornia
import numpy as np
import torch

from avatarflow.core.errors import Problems, refuse

Chain = Sequence[Mapping[str, Any]]
Transform = Callable[[torch.Tensor], torch.Tensor]
"""(1, 3, height, width) float in 0..1 to the same; random numbers come from torch's global generator."""

FILLS = ("zeros", "border", "reflection")
"""What comes in from outside when a picture turns or moves: black (fundus), its last pixels, or its mirror image."""
NAME = "name"


@dataclass(frozen=True)
class Parameter:
    """A number of one transform, its range and what holds when it is left out."""

    low: float
    high: float
    default: float


CHAIN: dict[str, dict[str, Parameter]] = {
    "rotation": {"degrees": Parameter(0, 180, 10)},
    "shift": {"share": Parameter(0, 0.5, 0.05)},
    "zoom": {"smallest": Parameter(0.5, 2, 0.95), "largest": Parameter(0.5, 2, 1.05)},
    "colour": {
        "brightness": Parameter(0, 0.9, 0.1),
        "gamma": Parameter(0, 0.9, 0.1),
        "saturation": Parameter(0, 0.9, 0.1),
        "hue": Parameter(0, 0.5, 0.0),
    },
    "blur": {"sigma_px": Parameter(0.05, 10, 0.5)},
    "noise": {"deviation": Parameter(0, 0.5, 0.01)},
    "elastic": {"strength": Parameter(0, 5, 0.5), "smooth_px": Parameter(1, 64, 8)},
}
"""Names of the chain and their parameters; `rotation`, `shift` and `zoom` in a row move a picture once."""
GEOMETRIC = ("rotation", "shift", "zoom")


def check_chain(chain: Chain, copies: int, fill: str) -> None:
    """Raise `AvatarflowError` with everything that is wrong with a chain."""
    with Problems() as problems:
        if copies < 1:
            problems.add(
                "augment.copies", f"found {copies}", "give 1 (the originals alone) or more"
            )
        if fill not in FILLS:
            problems.add("augment.fill", f"found {fill!r}", f"choose one of {', '.join(FILLS)}")
        for place, step in enumerate(chain):
            _check_step(step, f"augment.chain[{place}]", problems)


def _check_step(step: Mapping[str, Any], where: str, problems: Problems) -> None:
    name = step.get(NAME)
    if name == "mirror":
        problems.add(
            where,
            "found 'mirror'",
            "set augment.mirror instead: it needs to know which label changes",
        )
    elif name not in CHAIN:
        problems.add(where, f"unknown transform {name!r}", f"choose one of {', '.join(CHAIN)}")
    else:
        known = CHAIN[name]
        for key, value in step.items():
            if key != NAME and key not in known:
                problems.add(
                    f"{where}.{key}",
                    f"unknown parameter of {name}",
                    f"choose of {', '.join(known)}",
                )
            elif key != NAME and not is_within(value, known[key]):
                span = f"{known[key].low:g} to {known[key].high:g}"
                problems.add(f"{where}.{key}", f"found {value!r}", f"give a number from {span}")
        if (
            name == "zoom"
            and not problems.lines
            and _value(step, "smallest") > _value(step, "largest")
        ):
            problems.add(where, "smallest is larger than largest", "swap them")


def is_within(value: Any, parameter: Parameter) -> bool:
    """Whether a value is a number in the parameter's range."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and parameter.low <= value <= parameter.high


def build_chain(chain: Chain, fill: str) -> list[Transform]:
    """The transforms; neighbours among rotation, shift and zoom become one, so that pixels are resampled once."""
    steps: list[Transform] = []
    for geometric, group in groupby(chain, key=lambda step: step[NAME] in GEOMETRIC):
        if geometric:
            steps.extend(_move(once, fill) for once in _rounds(list(group)))
        else:
            steps.extend(_single(step, fill) for step in group)
    return steps


def _rounds(group: Chain) -> list[dict[str, Mapping[str, Any]]]:
    """Split where a name comes twice."""
    rounds: list[dict[str, Mapping[str, Any]]] = [{}]
    for step in group:
        if step[NAME] in rounds[-1]:
            rounds.append({})
        rounds[-1][step[NAME]] = step
    return rounds


def _value(step: Mapping[str, Any], key: str) -> float:
    return float(step.get(key, CHAIN[step[NAME]][key].default))


def _move(once: Mapping[str, Mapping[str, Any]], fill: str) -> Transform:
    degrees = _value(once["rotation"], "degrees") if "rotation" in once else 0.0
    share = _value(once["shift"], "share") if "shift" in once else None
    zoom = (
        (_value(once["zoom"], "smallest"), _value(once["zoom"], "largest"))
        if "zoom" in once
        else None
    )
    return _kornia(
        kornia.RandomAffine(
            degrees,
            translate=None if share is None else (share, share),
            scale=zoom,
            padding_mode=fill,
            p=1.0,
        )
    )


def _single(step: Mapping[str, Any], fill: str) -> Transform:
    value = {key: _value(step, key) for key in CHAIN[step[NAME]]}
    if step[NAME] == "colour":
        return _colour(value)
    if step[NAME] == "blur":
        size = 2 * int(np.ceil(3 * value["sigma_px"])) + 1
        return _kornia(kornia.RandomGaussianBlur((size, size), (0.05, value["sigma_px"]), p=1.0))
    if step[NAME] == "noise":
        return _kornia(kornia.RandomGaussianNoise(0.0, value["deviation"], p=1.0))
    if step[NAME] == "elastic":
        return _elastic(value["strength"], value["smooth_px"], fill)
    raise refuse(
        "augment.chain", f"unknown transform {step[NAME]!r}", f"choose one of {', '.join(CHAIN)}"
    )


def _colour(value: Mapping[str, float]) -> Transform:
    """Brightness by a factor and contrast by gamma: both leave black as black, so the field's surround stays clean."""
    gamma = (1 - value["gamma"], 1 + value["gamma"])
    bend = _kornia(kornia.RandomGamma(gamma, (1.0, 1.0), p=1.0))
    jitter = _kornia(
        kornia.ColorJitter(value["brightness"], 0.0, value["saturation"], value["hue"], p=1.0)
    )
    return lambda tensor: jitter(bend(tensor))


def _elastic(strength: float, smooth_px: float, fill: str) -> Transform:
    def apply(tensor: torch.Tensor) -> torch.Tensor:
        longest = (min(tensor.shape[-2:]) - 1) // 2 * 2 - 1  # the kernel must fit into the picture
        size = min(2 * int(np.ceil(2 * smooth_px)) + 1, max(longest, 3))
        warp = kornia.RandomElasticTransform(
            (size, size), (smooth_px, smooth_px), (strength, strength), padding_mode=fill, p=1.0
        )
        return torch.as_tensor(warp(tensor))

    return apply


def _kornia(transform: Any) -> Transform:
    def apply(tensor: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(transform(tensor))

    return apply
