"""Generalisation hierarchies: what each value of a column becomes at each level, from itself to `*`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from avatarflow.core.errors import Problems, refuse
from avatarflow.intake.tables.containers import unpacked
from avatarflow.intake.tables.filter_columns import composed
from avatarflow.intake.tables.text_table import read_text

ANY = "*"
SHOWN_ROWS = 5
MOST_DIGITS = 15  # before and behind the point
Level = Mapping[str, str]
"""A value of the column -> what it is written as at this level."""


@dataclass(frozen=True)
class Hierarchy:
    """A column's levels, the finest first; each later one joins values of the one before.

    `names` says in words what the levels are. A cell that is empty stays so at all levels but the last.
    """

    column: str
    names: tuple[str, ...]
    levels: tuple[Level, ...]


def as_value(cell: str | None, settings: Mapping[str, Any]) -> str | None:
    """Return a cell as the hierarchy knows it, "" where it is empty; None where a number is asked for and it is none.

    >>> as_value("047.50", {"intervals": [5]}), as_value("old", {"intervals": [5]}), as_value(None, {})
    ('47.5', None, '')
    """
    text = composed(cell or "").strip()
    if not text or not settings.get("intervals"):
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    usable = number.is_finite() and abs(number.adjusted()) <= MOST_DIGITS
    return plain(number) if usable else None


def checked_values(
    cells: Iterable[str | None], rows: Iterable[int], settings: Mapping[str, Any], where: str,
    problems: Problems, do: str = "give a hierarchy as a file",
) -> list[str]:  # fmt: skip
    """Return a column's cells as values; cells that are no numbers where some are asked for are problems."""
    values = [as_value(cell, settings) for cell in cells]
    wrong = [int(row) for row, value in zip(rows, values, strict=True) if value is None]
    if wrong:
        found = f"{len(wrong)} cells that are no number ({shown_rows(wrong)})"
        problems.add(where, found, f"correct them, or {do}")
    return [value or "" for value in values]


def build(
    column: str, settings: Mapping[str, Any], values: Sequence[str], file: str | None, where: str,
) -> Hierarchy:  # fmt: skip
    """Return the hierarchy of a column over its values.

    Parameters
    ----------
    column : str
    settings : mapping
        One of `intervals` (widths of intervals that begin at 0), `digits` (how many leading characters stay) and
        `file`; with none of them a value stays or becomes `*`.
    values : sequence of str
        As `as_value` gives them, one per row.
    file : str or None
        The hierarchy's file: CSV with a header, the value first, then a column for each level.
    where : str
        What an error calls it.

    Raises
    ------
    AvatarflowError
        If the file cannot be read, does not cover a value, names one twice, or has a level that is no coarser form
        of the one before.
    """
    known = sorted({value for value in values if value})
    if settings.get("intervals"):
        widths = [Decimal(str(width)) for width in settings["intervals"]]
        names = [f"intervals of {plain(width)}" for width in widths]
        levels = [{value: interval(Decimal(value), width) for value in known} for width in widths]
    elif settings.get("digits"):
        names = [f"first {count} characters" for count in settings["digits"]]
        levels = [{value: value[:count] + ANY for value in known} for count in settings["digits"]]
    elif file is not None:
        names, levels = _from_file(file, values, where)
    else:
        names, levels = [], []
    whole = [{value: value for value in known}, *levels]
    return Hierarchy(
        column,
        ("as it is", *names, "left out"),
        (*({"": "", **level} for level in whole), dict.fromkeys(["", *known], ANY)),
    )


def interval(number: Decimal, width: Decimal) -> str:
    """Return the interval of a width that a number lies in, its lower end included.

    >>> interval(Decimal(47), Decimal(5)), interval(Decimal(-1), Decimal(10))
    ('[45, 50)', '[-10, 0)')
    """
    low = number // width * width  # towards zero
    low = low - width if number < low else low
    return f"[{plain(low)}, {plain(low + width)})"


def plain(number: Decimal) -> str:
    """Return a number as text without zeros that say nothing."""
    return f"{number.normalize() + 0:f}"


def _from_file(
    path: str, values: Sequence[str], where: str
) -> tuple[list[str], list[dict[str, str]]]:
    """Read names and levels of a file, for the values that there are."""
    try:
        table = read_text(unpacked(Path(path).read_bytes(), where), where)
    except OSError:
        raise refuse(where, "it cannot be read", "check its path and its rights") from None
    cells = table.map(lambda cell: composed(cell).strip())
    names = [str(name) for name in cells.columns[1:]]
    problems = Problems()
    keys = list(cells.iloc[:, 0])
    twice = [line for line, key in enumerate(keys, start=1) if key in keys[: line - 1]]
    if twice:
        found = f"{len(twice)} values stand there again ({shown_rows(twice)})"
        problems.add(where, found, "keep one row for each value")
    lines = {key: list(row) for key, row in zip(keys, cells.iloc[:, 1:].to_numpy(), strict=True)}
    bare = [value for value in values if value and value not in lines]
    if bare:
        found = f"{len(set(bare))} values of the column, in {len(bare)} rows, are not in it"
        problems.add(where, found, "add a row for each")
    for place in range(1, len(names)):
        if len({(line[place - 1], line[place]) for line in lines.values()}) > len(
            {line[place - 1] for line in lines.values()}
        ):
            found = f"level '{names[place]}' divides what level '{names[place - 1]}' joins"
            problems.add(where, found, "let each level join values of the one before")
    if any(not cell for line in lines.values() for cell in line):
        problems.add(where, "an empty cell", "fill it")
    problems.raise_if_any()
    known = sorted({value for value in values if value})
    levels = [{value: lines[value][place] for value in known} for place in range(len(names))]
    return [f"level '{name}' of its file" for name in names], levels


def generalised(
    hierarchies: Mapping[str, Hierarchy],
    levels: Sequence[int],
    values: Mapping[str, Sequence[str]],
) -> dict[str, list[str]]:
    """Return the texts of each column at its level, one per row."""
    return {
        column: [hierarchy.levels[level][value] for value in values[column]]
        for (column, hierarchy), level in zip(hierarchies.items(), levels, strict=True)
    }


def shown_rows(rows: Sequence[int]) -> str:
    """Return the first of some row numbers, for a message."""
    more = ", ..." if len(rows) > SHOWN_ROWS else ""
    return f"row {', '.join(map(str, rows[:SHOWN_ROWS]))}{more}"
