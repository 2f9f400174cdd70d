"""Kinds of fragments that are scored apart."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.arrays import Mask
from avatarflow.reads.genomes.regions import Regions
from avatarflow.reads.simulation.mixture import HOST

COLUMNS = [
    "fragment",
    "source",
    "taxon",
    "part",
    "contig",
    "start",
    "end",
]  # of the truth, where it has them
LENGTHS_BP = (0, 200, 300, 400, 600, 1000, 2000, 5000, 10000, 20000, 50000)


def strata(table: pd.DataFrame, regions: Regions | None = None) -> Iterator[tuple[str, Mask]]:
    """Names and rows.

    Everything; each taxon; where there are several, each part of the donor's genome, each donor, each class of lengths
    (of the piece of genome that was read from, both ends and what lies between) and each class of places on the host
    (by the middle of a human fragment; a fragment may lie in several).
    """
    yield "all", np.ones(len(table), bool)
    for column in ("taxon", "part", "donor"):
        values = table[column].to_numpy()
        names = [name for name in sorted(set(values)) if name]
        for name in names if column == "taxon" or len(names) > 1 else []:
            yield f"{column}:{name}", np.asarray(values == name)
    if "start" not in table:
        return
    start, end = table["start"].to_numpy(np.int64), table["end"].to_numpy(np.int64)
    yield from lengths(np.where(start >= 0, end - start, -1))
    if regions is not None:
        human = ((table["source"] == HOST) & (table["start"] >= 0)).to_numpy()
        found = regions.masks(table["contig"].to_numpy(object), (start + end) // 2)
        inside = {name: mask & human for name, mask in found.items()}
        yield from (
            (f"region:{name}", mask)
            for name, mask in inside.items()
            if mask.any() and not mask[human].all()
        )


def lengths(size: npt.NDArray[np.int64]) -> Iterator[tuple[str, Mask]]:
    """Classes of lengths in bases, named by their first and last length; none where all fall into one."""
    which = np.searchsorted(LENGTHS_BP, size, side="right") - 1  # -1: no length is known
    numbers = [int(number) for number in np.unique(which[which >= 0])]
    for number in numbers if len(numbers) > 1 else []:
        last = f"{LENGTHS_BP[number + 1] - 1}" if number + 1 < len(LENGTHS_BP) else ""
        yield f"length:{LENGTHS_BP[number]}-{last}", np.asarray(which == number)
