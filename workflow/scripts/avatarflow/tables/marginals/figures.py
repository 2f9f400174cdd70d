"""What is measured of a synthetic table against the true one; internal only, since no noise is on it.

The linkage attack on rows that are nobody's: a registry of persons is held against the table, and whoever has his exact
quasi-identifiers in it is taken for a patient.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.statistics import Estimate, clopper_pearson

from .drawing import Columns, counted


def distances(
    true: Integers, rows: Integers, shape: Sequence[int], names: Sequence[str], noisy: Mapping[Columns, Sequence[int]],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the total variation distance of every column and pair from the true table.

    Parameters
    ----------
    true, rows : (rows, columns) int
        Codes of one row a patient, and of the synthetic table.
    shape : sequence of int
    names : sequence of str
    noisy : mapping
        The measured cells of those that were measured.

    Returns
    -------
    list of dict
        `columns`, `before` (the noisy cells themselves, None where there are none) and `after` (the synthetic table).
    """
    places = range(len(shape))
    figures = []
    for columns in [*((one,) for one in places), *itertools.combinations(places, 2)]:
        truth = counted(true, columns, shape)
        before = None
        if columns in noisy:
            cells = np.maximum(noisy[columns], 0)  # no count is below 0
            before = _total_variation(truth, cells) if cells.any() else 1.0
        after = _total_variation(truth, counted(rows, columns, shape))
        chosen = [names[place] for place in columns]
        figures.append({"columns": chosen, "before": before, "after": after})
    return figures


def _total_variation(one: Integers, other: Integers) -> float:
    shares: Floats = one / one.sum() - other / other.sum()
    return float(np.abs(shares).sum() / 2)


def linkage(
    patients: tuple[Integers, Integers], others: tuple[Integers, Integers], table: Integers
) -> dict[str, Any]:
    """Attack a table: how often are patients, and other persons, found in it.

    Parameters
    ----------
    patients, others : pair of (rows,) and (rows, columns) int
        Each row's person, 0-based, and the codes of the quasi-identifiers, -1 for a value that no row can have.
    table : (rows, columns) int
        The synthetic table's quasi-identifiers.

    Returns
    -------
    dict
        `patients` and `others`, the shares that are found, with exact intervals; `advantage`, their difference, from
        the ends of both.
    """
    known = {tuple(row) for row in table.tolist()}
    hits, alarms = (_share_in(known, *persons) for persons in (patients, others))
    return {
        "patients": hits.as_dict(),
        "others": alarms.as_dict(),
        "advantage": {
            "value": _less(hits.value, alarms.value),
            "low": _less(hits.low, alarms.high),
            "high": _less(hits.high, alarms.low),
        },
    }


def _share_in(known: set[tuple[int, ...]], persons: Integers, codes: Integers) -> Estimate:
    count = int(persons.max(initial=-1)) + 1
    if not count:
        return Estimate.missing()
    in_table = [tuple(row) in known for row in codes.tolist()]
    hits = int(np.count_nonzero(np.bincount(persons, in_table, count)))
    return Estimate(hits / count, *clopper_pearson(hits, count), count)


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
