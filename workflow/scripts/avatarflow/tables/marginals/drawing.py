"""Draw a table from noisy marginals by the library mbi (private-PGM): nothing here looks at the data.

mbi is no part of the environment (decision 0072): it brings jax, some 400 MB.

References
----------
McKenna, Sheldon and Miklau 2019, ICML, arXiv:1901.09136 (private-PGM); McKenna, Miklau and Sheldon 2021,
arXiv:2108.04978 (the mechanism that measures chosen marginals and draws rows).
"""

import importlib
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from avatarflow.core import seeds
from avatarflow.core.arrays import Integers
from avatarflow.core.errors import refuse

Columns = tuple[int, ...]
"""Places of the columns of a marginal."""
MOST_CELLS = 500_000
ITERATIONS = 1000


def measured_sets(
    columns: Sequence[str], order: int, chosen: Sequence[Sequence[str]]
) -> list[Columns]:
    """Return which marginals are measured: every column, and the chosen sets, else all pairs where the order is 2."""
    single: list[Columns] = [(place,) for place in range(len(columns))]
    if chosen:
        place = {name: number for number, name in enumerate(columns)}
        return [*single, *sorted({tuple(sorted(place[name] for name in one)) for one in chosen})]
    return [*single, *(itertools.combinations(range(len(columns)), 2) if order == 2 else ())]


def counted(codes: Integers, columns: Columns, shape: Sequence[int]) -> Integers:
    """Return the cells of a marginal, flat: how many rows have each combination of codes.

    Parameters
    ----------
    codes : (rows, all columns) int
    columns : tuple of int
    shape : sequence of int
        Sizes of all columns' domains.
    """
    sizes = [shape[place] for place in columns]
    places = np.ravel_multi_index(tuple(codes[:, list(columns)].T), sizes)
    return np.bincount(places, minlength=int(np.prod(sizes)))


def check_size(sets: Sequence[Columns], shape: Sequence[int], where: str) -> None:
    """Refuse marginals that join so many columns that their model holds too many cells.

    Raises
    ------
    AvatarflowError
        If so.
    """
    mbi = _library()
    megabytes = mbi.junction_tree.hypothetical_model_size(_domain(mbi, shape), list(sets))
    if (cells := round(megabytes * 2**20 / 8)) > MOST_CELLS:
        found = f"the marginals join to {cells:,} cells, more than {MOST_CELLS:,}"
        raise refuse(where, found, "name fewer sets, take columns out, or join values")


def drawn(
    sets: Sequence[Columns], counts: Sequence[Sequence[int]], sigma: float, shape: Sequence[int], seed: int
) -> Integers:  # fmt: skip
    """Return rows that fit noisy marginals.

    Parameters
    ----------
    sets : sequence of tuples
    counts : sequence of sequences of int
        The noisy cells of each set.
    sigma : float
        Standard deviation of the noise.
    shape : sequence of int
    seed : int
        The rows hang on the counts alone, so a known seed gives nothing away, and equal counts give equal rows.

    Returns
    -------
    (rows, columns) int
        As many rows as the noisy counts say, at least 1.
    """
    mbi = _library()
    domain = _domain(mbi, shape)
    measurements = [
        mbi.LinearMeasurement(np.asarray(cells, np.float64), columns, sigma)
        for columns, cells in zip(sets, counts, strict=True)
    ]
    model = mbi.estimation.MirrorDescent().estimate(domain, measurements, iters=ITERATIONS)
    before = np.random.get_state()  # noqa: NPY002 the library draws from numpy's global state
    np.random.seed(seeds.integer(seed, "marginals") % 2**32)  # noqa: NPY002
    try:
        rows = model.synthetic_data(max(1, round(float(model.total)))).to_dict()
    finally:
        np.random.set_state(before)  # noqa: NPY002
    return np.stack([rows[place] for place in range(len(shape))], axis=1).astype(np.int64)


def _domain(mbi: Any, shape: Sequence[int]) -> Any:
    """Name columns by their places: the library goes through sets of names, and those of texts have no order."""
    return mbi.Domain(tuple(range(len(shape))), tuple(shape))


def _library() -> Any:
    """Return the library, told to compute in double precision as it asks for.

    The config is refused without it, but a job on a cluster may have another environment.
    """
    try:
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_enable_compilation_cache", False)
        return importlib.import_module("mbi")
    except ImportError:
        do = "install envs/marginals.txt there"
        raise refuse("tables: marginals", "mbi is not installed where the job runs", do) from None
