"""One picture under two persons: the same content, the same file, or the same picture saved again."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from avatarflow.imaging.spool import Stored
from avatarflow.intake.listed_files import files_of
from avatarflow.intake.reading import ONE_COLOUR
from avatarflow.intake.refusals import SAME_CONTENT
from avatarflow.intake.tables.manifest import ROW
from avatarflow.runs.context import Step

from .near_equal import near_equal_pairs
from .persons import KEY

SHOWN_PAIRS = 10


def saved_again(pictures: Stored, rows: pd.DataFrame) -> list[tuple[int, int]]:
    """Find places of pictures that are one picture saved twice under two persons.

    Parameters
    ----------
    pictures : (n, size, size, 3) uint8
    rows : (n rows) with `key`
    """
    return near_equal_pairs(pictures, pd.factorize(rows[KEY])[0])


def warn_of_shared(pairs: Sequence[tuple[int, int]], step: Step) -> None:
    """Warn of pairs of manifest rows that hold one picture under two persons."""
    if pairs:
        shown = ", ".join(f"{first} and {second}" for first, second in pairs[:SHOWN_PAIRS])
        step.warning(
            "%d pairs of rows show one picture under two persons, who count as one: %s",
            len(pairs),
            shown,
        )


def shared_rows(rows: pd.DataFrame, contents: dict[int, str]) -> list[tuple[int, int]]:
    """Pairs of manifest rows that hold one picture under two persons: the first row of a picture and a later one."""
    found: list[tuple[int, int]] = []
    for _, group in rows.groupby(rows[ROW].map(contents), sort=False):
        first: Hashable = group["key"].iloc[0]
        later = group[[key != first for key in group["key"]]]
        found.extend((int(group[ROW].iloc[0]), int(row)) for row in later[ROW])
    return found


def persons_of_one_file(
    rows: pd.DataFrame,
    root: str,
    seen: Mapping[int, str],
    look: Callable[[pd.DataFrame], Mapping[int, str]],
) -> list[tuple[Hashable, Hashable]]:
    """Find pairs of person keys under which a manifest lists one file, in rows that are refused or not wanted, too.

    A file of one colour only stands for a picture that there is not, and joins nobody.

    Parameters
    ----------
    rows : every row of the manifest, with `key`
    seen : mapping
        Why a row's picture was refused, by row; empty for one that was read.
    look : function
        The same for rows that nobody has read yet.
    """
    rows = rows[rows[KEY].notna()]
    groups = [
        group
        for _, group in rows.groupby(files_of(rows, root), sort=False)
        if group[KEY].nunique() > 1
    ]
    unseen = [group.iloc[:1] for group in groups if not set(group[ROW]) & set(seen)]
    reasons = {**seen, **(look(pd.concat(unseen)) if unseen else {})}
    shown = [
        group[KEY].unique()
        for group in groups
        if ONE_COLOUR not in {reasons.get(row) for row in group[ROW]}
    ]
    return [(keys[0], key) for keys in shown for key in keys[1:]]


def refuse_copies(
    rows: pd.DataFrame, contents: dict[int, str], labels: list[str]
) -> tuple[dict[int, str], list[tuple[Any, Any]]]:
    """Pictures with the same content: later ones are refused, all of them where their labels contradict each other.

    Returns
    -------
    refused : dict
        Manifest row -> reason.
    same : list of pairs of person keys
        Persons who share a picture and so must count as one.
    """
    refused: dict[int, str] = {}
    same: list[tuple[Any, Any]] = []
    for _, group in rows.groupby(rows[ROW].map(contents), sort=False):
        if len(group) < 2:
            continue
        first = int(group[ROW].iloc[0])
        same.extend((group["key"].iloc[0], key) for key in group["key"].iloc[1:])
        contradictory = any(group[column].nunique() > 1 for column in labels)
        for row in group[ROW] if contradictory else group[ROW].iloc[1:]:
            reason = (
                "contradictory labels for the same content"
                if contradictory
                else f"{SAME_CONTENT} {first}"
            )
            refused[int(row)] = reason
    return refused, same
