"""What a dossier is made of, before it has a language: texts by key, numbers, names, tables, sections."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .numbers import COUNT, PLAIN, Number, Part, Sources


@dataclass(frozen=True)
class Name(Part):
    """A name that is the same in every language: of a release, a column, a value, a tool, a file."""

    text: str


@dataclass(frozen=True)
class Digest(Part):
    """The SHA-256 of a result file, which ties a signature to it."""

    file: str
    text: str


@dataclass(frozen=True)
class Declared(Part):
    """What the configuration's author declares, word for word; nobody checks it."""

    text: str


@dataclass(frozen=True)
class Text(Part):
    """A text of the language's table, with what its placeholders stand for."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Joined(Part):
    """Several names or texts, one behind the other."""

    parts: Sequence[Any]


@dataclass(frozen=True)
class Items(Part):
    """A list of texts; `ordered` where their order says something."""

    texts: Sequence[Any]
    ordered: bool = False


@dataclass(frozen=True)
class Table(Part):
    """A table: keys of the column heads, and rows of cells; `classes` are the rows' outcomes, for their colour."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    classes: Sequence[str] = ()


@dataclass(frozen=True)
class Heading(Part):
    """A heading inside a section."""

    text: Text


@dataclass(frozen=True)
class Boxed(Part):
    """A text that must not be overlooked; `outcome` gives its colour."""

    text: Text
    outcome: str


@dataclass(frozen=True)
class Sheet(Part):
    """The page to sign: boxes to tick, and fields to fill in, by key."""

    boxes: Sequence[str]
    fields: Sequence[str]
    signatures: Sequence[str]


@dataclass(frozen=True)
class Section:
    """A section: the key of its title, and what is in it."""

    key: str
    blocks: Sequence[Any]


def text(key: str, **values: Any) -> Text:
    """Return a text with its values."""
    return Text(key, values)


def interval(
    sources: Sources, file: str, path: str, form: str = PLAIN, counted: bool = False
) -> Text:
    """Return the interval of the estimate at a place, or that all were counted, or that there is none."""
    low, high = (sources.number(file, f"{path}/{end}", form) for end in ("low", "high"))
    if low.value is None and high.value is None:
        return text("interval.none")
    if low.value is None:
        return text("interval.up_to", high=high)
    if counted and low.value == high.value:
        return text("interval.counted")
    return text("interval.both", low=low, high=high)


def count(sources: Sources, file: str, path: str) -> Number:
    """Return a count at a place."""
    return sources.number(file, path, COUNT)
