"""Numbers of the dossier: each knows the result file and the place in it that it was read from."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from avatarflow.core.errors import refuse

PLAIN, PERCENT, COUNT = "plain", "percent", "count"
SEPARATORS = {"de": (",", "."), "en": (".", ",")}
"""Decimal mark and mark of the thousands, by language."""
NO_BREAK = "\u00a0"


class Part:
    """Whatever a dossier is made of; templates choose by `kind`, the name of the class."""

    @property
    def kind(self) -> str:
        """Return which kind of part it is."""
        return type(self).__name__.lower()


@dataclass(frozen=True)
class Number(Part):
    """A number with its origin.

    `file` is the result file's path below the release's folder. `path` leads to the value in it: parts behind slashes
    are keys or positions, and a last part `#` counts the entries; before it, `?key=value,key=value` keeps those that
    have these values. `value` is None where the file says that there is none.
    """

    file: str
    path: str
    value: float | None
    form: str = PLAIN

    @property
    def source(self) -> str:
        """Return the origin as one text."""
        return f"{self.file}#{self.path}"


class Sources:
    """The result files of one release.

    Parameters
    ----------
    files : mapping of str to JSON-like value
        Content of each file by its path below the release's folder.
    """

    def __init__(self, files: Mapping[str, Any]) -> None:
        self.files = files

    def value(self, file: str, path: str) -> Any:
        """Return what is at a place; None where a key on the way is not there.

        Raises
        ------
        AvatarflowError
            If the file is none of the release's.
        """
        if file not in self.files:
            raise refuse("dossier", f"no result file {file}", "make the release again")
        found = self.files[file]
        for part in path.strip("/").split("/"):
            if found is None:
                return None
            if part == "#":
                found = len(found)
            elif part.startswith("?"):
                found = [entry for entry in found if _meets(entry, part[1:])]
            elif isinstance(found, list):
                found = found[int(part)]
            else:
                found = found.get(part)
        return found

    def number(self, file: str, path: str, form: str = PLAIN) -> Number:
        """Return the number at a place.

        Raises
        ------
        AvatarflowError
            If what is there is no number.
        """
        value = self.value(file, path)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise refuse(f"dossier, {file}#{path}", "not a number", "make the release again")
        return Number(file, path, value, form)


def _meets(entry: Mapping[str, Any], conditions: str) -> bool:
    """Whether an entry has all the values of `key=value,key=value`."""
    pairs = (pair.split("=", 1) for pair in conditions.split(","))
    return all(str(entry.get(key)) == value for key, value in pairs)


def formatted(value: float, form: str, language: str) -> str:
    """Return a number as the language writes it.

    >>> formatted(0.16667, "percent", "de").replace(chr(160), " ")
    '16,7 %'
    >>> formatted(1000000, "count", "en")
    '1,000,000'
    """
    if form == PERCENT:
        return f"{_separated(_share(100 * value), language)}{NO_BREAK}%"
    if form == COUNT:
        return _separated(f"{value:,.0f}", language)
    text = f"{value:,.0f}" if abs(value) >= 1000 else format(Decimal(f"{value:.4g}"), "f")
    return _separated(text, language)


def _share(percent: float) -> str:
    """Return three significant digits, or more where fewer would make all or nothing of less or more."""
    for digits in (3, 4, 6, 9):
        text = format(Decimal(f"{percent:.{digits}g}"), "f")
        if Decimal(text) not in (0, 100) or percent in (0, 100):
            break
    return text


def _separated(text: str, language: str) -> str:
    decimal, thousands = SEPARATORS[language]
    return text.translate({ord("."): decimal, ord(","): thousands})
