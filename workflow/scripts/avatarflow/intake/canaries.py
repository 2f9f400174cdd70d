"""Canaries are drawn here: procedural eyes of a population of their own, and how often each is trained on.

References
----------
Carlini et al. 2019, The Secret Sharer (arXiv 1802.08232), section 4.1: known secrets put into training on purpose.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import write_shards

FIRST = 1 << 30
"""Item and person of the first canary; no pool comes so far, so the seeds of an original and of a canary differ."""

COPIES = "copies"


def draw_canaries(
    settings: Mapping[str, Any],
    conditions: Mapping[str, Sequence[str]],
    size_px: int,
    seed: int,
    processes: int = 1,
) -> tuple[Pictures, pd.DataFrame]:
    """All canaries of a release, those that are never trained on first.

    Parameters
    ----------
    settings : mapping
        `canaries` of the config: `kind`, `copies` (how often they are trained on), `each` (canaries per number of
        copies), `untrained`.
    conditions : mapping of str to list of str
        A label that the eye itself has and the config allows is kept; any other is drawn.

    Returns
    -------
    (n, size_px, size_px, 3) uint8, and a table with `item`, `person`, `row`, `copies` and the condition columns. `row`
    is negative, -1 for the first: a canary stands in no manifest.
    """
    counts = {0: settings["untrained"], **dict.fromkeys(settings[COPIES], settings["each"])}
    copies = np.repeat(np.array(list(counts), np.int64), list(counts.values()))
    numbers = np.arange(len(copies))
    # as that of the public base, apart from the run's own eyes
    population = seeds.integer(seed, "canaries")
    pictures, drawn = draw_eyes(
        settings["kind"], (2 * numbers).tolist(), [0] * len(numbers), size_px, population, processes
    )
    table = pd.DataFrame(
        {"item": FIRST + numbers, "person": FIRST + numbers, "row": -1 - numbers, COPIES: copies},
        dtype=np.int64,
    )
    for place, (column, allowed) in enumerate(conditions.items()):
        own = drawn[column] if column in drawn and set(drawn[column]) <= set(allowed) else None
        dice = [
            int(seeds.generator(seed, "canary label", place, int(n)).integers(len(allowed)))
            for n in numbers
        ]
        table[column] = [allowed[each] for each in dice] if own is None else own.to_numpy()
    return pictures, table


def write_canaries(
    settings: Mapping[str, Any], conditions: Mapping[str, Sequence[str]], size_px: int, seed: int, processes: int,
    pictures: str,
) -> None:  # fmt: skip
    """`draw_canaries` to a folder of shards."""
    drawn, table = draw_canaries(settings, conditions, size_px, seed, processes)
    write_shards(pictures, drawn, table)


def planted(pictures: Pictures, table: pd.DataFrame) -> tuple[Pictures, pd.DataFrame]:
    """What is put into training: each canary as often as its `copies` say, every copy an item of its own.

    An augmentation then alters the copies as it would those of as many originals.
    """
    rows = np.repeat(np.arange(len(table)), table[COPIES].to_numpy())
    repeated = table.iloc[rows].drop(columns=COPIES).reset_index(drop=True)
    repeated["item"] = FIRST + np.arange(len(rows), dtype=np.int64)
    return pictures[rows], repeated
