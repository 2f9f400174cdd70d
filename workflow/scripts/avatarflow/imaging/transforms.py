"""Training augmentation: a configured chain of kornia transforms, the same for any block size or order.

Only pictures that a generator trains on pass through here; the alterations that calibrate the cone live in `privacy`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import Problems

from .chain import Chain, Parameter, Transform, build_chain, check_chain, is_within


def augment(
    pictures: Pictures,
    table: pd.DataFrame,
    chain: Chain,
    copies: int,
    mirror: Mapping[str, Any] | None,
    seed: int,
    fill: str = "zeros",
) -> tuple[Pictures, pd.DataFrame]:
    """Make altered copies of pictures for training.

    Parameters
    ----------
    pictures : (n, height, width, 3) uint8
    table : (n rows)
        Its `item` column, else the row's place, names a picture to the random numbers, so that blocks of a set give
        the same pictures as the whole.
    chain : list of {name: one of chain.CHAIN, parameter: number, ...}
        Applied in this order.
    copies : int
        Pictures per original, >= 1; the first is the original itself, unchanged.
    mirror : {column, swap, probability} or None
        Left-right mirror images among the altered copies; `swap` says what becomes of the column's values (a missing
        one stays missing). None: never mirrored.
    seed : int
    fill : str
        One of chain.FILLS: what comes in from outside when a picture turns or moves.

    Returns
    -------
    (n * copies, height, width, 3) uint8, all copies of one original together, and the table with each row repeated,
    its label swapped where mirrored, and the columns `copy` (0 is the original) and `mirrored`.

    Raises
    ------
    AvatarflowError
        All problems of chain and mirror at once: unknown names, numbers out of range, a column that is not there,
        a value that `swap` does not name.
    """
    check_chain(chain, copies, fill)
    check_mirror(mirror, table)
    steps = build_chain(chain, fill)
    items = table["item"].to_numpy() if "item" in table else np.arange(len(table))
    rows = table.iloc[np.repeat(np.arange(len(table)), copies)].reset_index(drop=True)
    rows["copy"] = np.tile(np.arange(copies), len(table))
    flips = [_mirrored(mirror, seed, int(item), copy) for item in items for copy in range(copies)]
    rows["mirrored"] = np.array(flips, bool)
    drawn = np.repeat(pictures, copies, axis=0)
    for place, copy in enumerate(rows["copy"]):
        if copy:
            source = drawn[place, :, ::-1] if flips[place] else drawn[place]
            number = seeds.integer(seed, "augment", int(items[place // copies]), int(copy))
            drawn[place] = _altered(source, steps, number)
    if mirror is not None:
        column, swap = str(mirror["column"]), mirror["swap"]
        swapped = rows[column].map(lambda value: value if pd.isna(value) else swap[value])
        rows[column] = rows[column].where(~rows["mirrored"], swapped)
    return drawn, rows


def check_mirror(mirror: Mapping[str, Any] | None, table: pd.DataFrame) -> None:
    """Raise `AvatarflowError` where mirroring would leave a label wrong."""
    if mirror is None:
        return
    column, swap, probability = (
        mirror.get("column"),
        mirror.get("swap") or {},
        mirror.get("probability", 0.5),
    )
    with Problems() as problems:
        if any(swap.get(after) != before for before, after in swap.items()) or not swap:
            problems.add(
                "augment.mirror.swap",
                "not a swap there and back",
                "name each value with its mirror image, both ways",
            )
        if not is_within(probability, Parameter(0, 1, 0.5)):
            problems.add(
                "augment.mirror.probability", f"found {probability!r}", "give a number from 0 to 1"
            )
        if column not in table:
            problems.add(
                "augment.mirror.column",
                "no such column",
                "name the column that tells the sides, or set mirror to null",
            )
        else:
            strange = int((~table[column].dropna().isin(list(swap))).sum())
            if strange:
                problems.add(
                    "augment.mirror.swap",
                    f"does not name the value of {strange} pictures",
                    "name every value",
                )


def _mirrored(mirror: Mapping[str, Any] | None, seed: int, item: int, copy: int) -> bool:
    if mirror is None or copy == 0:
        return False
    return bool(
        seeds.generator(seed, "augment mirror", item, copy).random()
        < mirror.get("probability", 0.5)
    )


def _altered(picture: Pictures, steps: Sequence[Transform], seed: int) -> Pictures:
    """One copy; kornia draws from torch's global generator, so that one is seeded here and put back."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(seed)
        # (1, 3, h, w)
        tensor = (
            torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 255
        )
        for step in steps:
            tensor = step(tensor).clamp(0, 1)
        return np.asarray((tensor[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())
