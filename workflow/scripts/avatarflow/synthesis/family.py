"""Generator families behind one small interface: fit a generator to pictures, sample candidates from it.

A new family is one module with `fit` and `sample` of these signatures, and one line here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import refuse
from . import diffusion, sampling


@dataclass(frozen=True)
class Family:
    """What a generator family can do; see `diffusion.fit` and `sampling.sample` for the arguments."""

    fit: Callable[..., None]
    sample: Callable[..., None]


FAMILIES = {"diffusion": Family(diffusion.fit, sampling.sample)}


def family(name: str) -> Family:
    """A family by its name in the config."""
    if name not in FAMILIES:
        raise refuse("generator family", f"found {name!r}", f"use one of {', '.join(sorted(FAMILIES))}")
    return FAMILIES[name]
