"""Generator families behind one small interface: fit a generator to pictures, sample candidates from it.

A new family is one module with `fit` and `sample` of these signatures, and one line here.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from avatarflow.core.errors import refuse
from avatarflow.generators.diffusion import family as diffusion
from avatarflow.generators.foundation import family as foundation

from . import sampling


@dataclass(frozen=True)
class Family:
    """What a generator family can do; see `diffusion.fit` and `sampling.sample` for the arguments."""

    fit: Callable[..., None]
    sample: Callable[..., None]


FAMILIES = {
    "diffusion": Family(diffusion.fit, sampling.sample),
    "foundation": Family(foundation.fit, foundation.sample),
}


def family(name: str) -> Family:
    """A family by its name in the config."""
    if name not in FAMILIES:
        raise refuse("generator family", f"found {name!r}", f"use one of {', '.join(sorted(FAMILIES))}")
    return FAMILIES[name]


def family_of(folder: str | Path | None) -> str:
    """The family that a generator's folder belongs to; without a folder, the one that starts from nothing."""
    index = Path(folder or "") / "model_index.json"
    if folder is None or not index.is_file():
        return "diffusion"
    parts = json.loads(index.read_text(encoding="utf-8"))
    ours = (parts.get("transformer") or [None, None])[1] == "UNet2DModel"
    return "diffusion" if ours else "foundation"
