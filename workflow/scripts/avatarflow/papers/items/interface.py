"""What every kind of item is given, and what it makes: a table, and a figure beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from avatarflow.core.paths import png
from avatarflow.core.statistics import Estimate

DPI = 150
TEACHER, STUDENT, RELEASE = "teacher", "student", "release"
Row = Sequence[Any]
"""Cells of a table: a text, a number, None, or an estimate `{value, low, high, n}`."""


@dataclass(frozen=True)
class Request:
    """An item that is to be made.

    Parameters
    ----------
    files : sequence of mapping
        By entry, in the order of the configuration: the files that `kinds.KINDS` names, by what they are.
    names : sequence of str
        The entries.
    settings : mapping
        As from `kinds.settings_of`.
    facts : sequence of mapping
        By entry: what the configuration says of it (`family`, `generated`).
    """

    files: Sequence[Mapping[str, str]]
    names: Sequence[str]
    settings: Mapping[str, Any]
    facts: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Item:
    """An item as it was measured.

    Parameters
    ----------
    columns : sequence of str
        Heads of the table.
    keys : int
        How many of the first columns name a row; no two rows have equal ones.
    rows : sequence of Row
    figure : bytes
        PNG.
    alt : str
        What the figure shows, in words.
    remarks : sequence of str
        What a reader has to know before the figure.
    """

    columns: Sequence[str]
    keys: int
    rows: Sequence[Row]
    figure: bytes
    alt: str
    remarks: Sequence[str] = ()


Make = Callable[[Request], Item]


def picture(path: str | Path) -> bytes:
    """Return a figure that another rule has drawn."""
    return Path(path).read_bytes()


def drawn(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    return png(figure, DPI)


def estimate(fields: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a measured figure as a cell; None where it could not be measured."""
    one = Estimate.of(fields)
    if one.value is None:
        return None
    return {"value": one.value, "low": one.low, "high": one.high, "n": one.n}


def origin_of(facts: Mapping[str, Any]) -> str:
    """Return in words what the originals of a release are."""
    if facts["generated"] is not None:
        return f"generated eyes ({facts['generated']}): no photographs, and nobody's"
    return "photographs of patients"


def decision_of(certificate: Mapping[str, Any]) -> str:
    """Return in a word what a certificate decides."""
    return "released" if certificate["decision"] == "pass" else "refused"
