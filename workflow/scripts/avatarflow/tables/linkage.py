"""The linkage attack: a registry with names is joined to a table, and one of those who fit is named by chance.

The attacker knows the hierarchies and levels, which are published. He is given what a registry may hold: a person's
quasi-identifiers, and, as a stronger attacker, the days of all his dates.
"""

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

    `keys` are equal where quasi-identifiers are, and the distances between dates if those are used. `days` (persons,)
    is the day of the first date, 0 where none is used.
    """

    keys: Sequence[Hashable]
    days: Integers


def known(
    texts: Sequence[frozenset[Any]], dates: Sequence[Sequence[tuple[int, ...]]] | None = None
) -> Known:
    """Put together what is known of persons.

    Parameters
    ----------
    texts : (persons)
        The set of each one's combinations of quasi-identifiers.
    dates : (persons)(columns)(any) int, optional
        The different days of each date column, in order.
    """
    if dates is None:
        return Known(list(texts), np.zeros(len(texts), np.int64))
    first = [min((day for days in columns for day in days), default=0) for columns in dates]
    gaps = [
        tuple(tuple(day - start for day in days) for days in columns)
        for columns, start in zip(dates, first, strict=True)
    ]
    return Known(list(zip(texts, gaps, strict=True)), np.array(first, np.int64))


def combinations(
    persons: Integers, columns: Mapping[str, Sequence[str]]
) -> list[frozenset[tuple[str, ...]]]:
    """Return the set of combinations of each person's rows, in the order of their numbers."""
    sets: list[set[tuple[str, ...]]] = [set() for _ in range(int(persons.max(initial=-1)) + 1)]
    for person, texts in zip(persons, zip(*columns.values(), strict=True), strict=True):
        sets[person].add(texts)
    return [frozenset(one) for one in sets]


def days(persons: Integers, columns: Sequence[Sequence[str | None]]) -> list[list[tuple[int, ...]]]:
    """Return the different days of each person in each date column, in order."""
    sets: list[list[set[int]]] = [
        [set() for _ in columns] for _ in range(int(persons.max(initial=-1)) + 1)
    ]
    for place, column in enumerate(columns):
        for person, cell in zip(persons, column, strict=True):
            if (day := day_of(cell or "")) is not None:
                sets[person][place].add(day)
    return [[tuple(sorted(one)) for one in each] for each in sets]


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
