"""Procedural eyes: identity is a seed, and every picture of it differs in pose, light, focus and camera.

They hold no personal data and give unlimited ground truth for identity, side and sex. What carries the sex is made up
and documented in `fundus` and `iris`.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse

from . import fundus, iris

KINDS: dict[str, Any] = {"fundus": fundus, "iris": iris}
SIDES = ("right", "left")
SEXES = ("female", "male")
SMALLEST_PX, LARGEST_PX = 16, 1024


def draw_eyes(
    kind: str,
    identities: Sequence[int],
    pictures: Sequence[int],
    size_px: int,
    seed: int,
    processes: int = 1,
) -> tuple[Pictures, pd.DataFrame]:
    """Draw one picture for each pair of an identity and a picture number.

    Parameters
    ----------
    kind : str
        `fundus` or `iris`.
    identities : (n) int
        Eyes, 2 * person for a person's right eye and 2 * person + 1 for the left; any may come several times.
    pictures : (n) int
        Which photograph of that eye; the same pair is always the same picture, whatever else is drawn.
    size_px : int
        Side of the square pictures.
    seed : int
        Another seed is another population.
    processes : int
        Drawn by this many processes; the result is the same.

    Returns
    -------
    (n, size_px, size_px, 3) uint8, and a table with `identity`, `picture`, `person`, `eye_side`, `sex`.

    Raises
    ------
    AvatarflowError
        If the kind is unknown, the size out of range, or a number negative.
    ValueError
        If identities and pictures differ in number.
    """
    _check(kind, identities, pictures, size_px)
    draw = partial(_draw, kind, size_px, seed)
    if processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            drawn = list(pool.map(draw, identities, pictures, chunksize=32))
    else:
        drawn = [
            draw(identity, picture) for identity, picture in zip(identities, pictures, strict=True)
        ]
    stack = np.stack(drawn) if drawn else np.zeros((0, size_px, size_px, 3), np.uint8)
    return stack, describe(identities, pictures, seed)


def describe(identities: Sequence[int], pictures: Sequence[int], seed: int) -> pd.DataFrame:
    """The table of `draw_eyes` without drawing."""
    rows = [
        (
            int(identity),
            int(picture),
            int(identity) // 2,
            SIDES[identity % 2],
            sex_of(int(identity) // 2, seed),
        )
        for identity, picture in zip(identities, pictures, strict=True)
    ]
    return pd.DataFrame(rows, columns=["identity", "picture", "person", "eye_side", "sex"])


def sex_of(person: int, seed: int) -> str:
    """The sex of a person of this population."""
    return SEXES[int(seeds.generator(seed, "phantom sex", person).integers(2))]


def _draw(kind: str, size_px: int, seed: int, identity: int, picture: int) -> Pictures:
    camera = seeds.generator(seed, f"phantom {kind} picture", identity, picture)
    drawn: Pictures = KINDS[kind].draw(_eye(kind, seed, int(identity)), camera, size_px)
    return drawn


@lru_cache(maxsize=64)
def _eye(kind: str, seed: int, identity: int) -> Any:
    person = seeds.generator(seed, f"phantom {kind} person", identity // 2)
    eye = seeds.generator(seed, f"phantom {kind} eye", identity)
    return KINDS[kind].make(person, eye, sex_of(identity // 2, seed), SIDES[identity % 2] == "left")


def _check(kind: str, identities: Sequence[int], pictures: Sequence[int], size_px: int) -> None:
    if kind not in KINDS:
        raise refuse(
            "procedural eyes", f"unknown kind {kind!r}", f"choose one of {', '.join(sorted(KINDS))}"
        )
    if not SMALLEST_PX <= size_px <= LARGEST_PX:
        raise refuse(
            "procedural eyes", f"size {size_px} px", f"choose {SMALLEST_PX} to {LARGEST_PX} px"
        )
    if min((*identities, *pictures), default=0) < 0:
        raise refuse("procedural eyes", "a negative number", "count identities and pictures from 0")
    if len(identities) != len(pictures):
        raise ValueError(
            f"draw_eyes: {len(identities)} identities but {len(pictures)} pictures; pass pairs"
        )
