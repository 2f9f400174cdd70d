"""The linkage attack: a registry with names is joined to a table, and one of those who fit is named by chance.

The attacker knows the hierarchies and levels, which are published. He is given what a registry may hold: a person's
quasi-identifiers, and, as a stronger attacker, the days of all his dates.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.statistics import Estimate, clopper_pearson

from .dates import day_of


@dataclass(frozen=True)
class Known:
    """What is known of each of some persons.

    `keys` are equal where the quasi-identifiers of all rows are, each with the distances of its dates from the first
    day if those are used. `days` (persons,) is that first day, 0 where none is used.
    """

    keys: Sequence[Hashable]
    days: Integers


def known(texts: Sequence[Hashable]) -> Known:
    """Take what is known of persons without any date: the set of each one's combinations."""
    return Known(list(texts), np.zeros(len(texts), np.int64))


def known_visits(
    persons: Integers, columns: Mapping[str, Sequence[str]], dates: Sequence[Sequence[str | None]]
) -> Known:
    """Take what is known of persons by their rows: quasi-identifiers, and the days of the same row.

    Parameters
    ----------
    persons : (rows,) int
        0-based, each number at least once.
    columns : mapping of (rows,)
        The quasi-identifiers.
    dates : (columns)(rows)
        The cells of each date column.
    """
    # how many rows a person has of a kind is known, too
    sets: list[Counter[tuple[Any, tuple[int | None, ...]]]] = [
        Counter() for _ in range(int(persons.max(initial=-1)) + 1)
    ]
    days = [[day_of(cell or "") for cell in column] for column in dates]
    rows = zip(persons, zip(*columns.values(), strict=True), zip(*days, strict=True), strict=True)
    for person, texts, row_days in rows:
        sets[person][texts, row_days] += 1
    first = [min((day for _, row in one for day in row if day), default=0) for one in sets]
    keys = [
        frozenset(
            (texts, tuple(day and day - start for day in row), count)
            for (texts, row), count in one.items()
        )
        for one, start in zip(sets, first, strict=True)
    ]
    return Known(keys, np.array(first, np.int64))


def combinations(
    persons: Integers, columns: Mapping[str, Sequence[str]]
) -> list[frozenset[tuple[str, ...]]]:
    """Return the set of combinations of each person's rows, in the order of their numbers."""
    sets: list[set[tuple[str, ...]]] = [set() for _ in range(int(persons.max(initial=-1)) + 1)]
    for person, texts in zip(persons, zip(*columns.values(), strict=True), strict=True):
        sets[person].add(texts)
    return [frozenset(one) for one in sets]


def attack(asked: Known, among: Known, truth: Integers, window_days: int) -> Floats:
    """Chance that each who is asked for is named rightly, where one of those who fit is named by chance.

    Chances and not draws: so the figure does not hang on luck.

    Parameters
    ----------
    asked, among : Known
        Who is looked for, and where.
    truth : (asked,) int
        Place of each in `among`; -1 where he is not there.
    window_days : int
        How far apart the first days of one person may be.

    Returns
    -------
    (asked,)
        1 over the number of those who fit; 0 where the right one does not.
    """
    by_key: dict[Hashable, list[int]] = {}
    for key, day in zip(among.keys, among.days, strict=True):
        by_key.setdefault(key, []).append(int(day))
    days_of = {key: np.sort(days) for key, days in by_key.items()}
    chances = np.zeros(len(asked.keys))
    for one, (key, day, place) in enumerate(zip(asked.keys, asked.days, truth, strict=True)):
        fits = place >= 0 and among.keys[place] == key
        if fits and abs(among.days[place] - day) <= window_days:
            ends = np.searchsorted(days_of[key], [day - window_days, day + window_days + 1])
            chances[one] = 1 / (ends[1] - ends[0])
    return chances


def success(chances: Floats) -> Estimate:
    """Share of patients who are named rightly, with the exact interval over patients for as many hits, rounded up."""
    n = len(chances)
    if not n:
        return Estimate.missing()
    hits = int(np.ceil(chances.sum() - 1e-9))
    return Estimate(float(chances.mean()), *clopper_pearson(hits, n), n)


def singled_out(chances: Floats) -> Estimate:
    """Share of patients whom nobody else fits, with the exact interval over patients."""
    return success(np.floor(chances + 1e-9))
