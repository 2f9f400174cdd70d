"""The texts of the dossier: one closed table per language, with the same keys and placeholders."""

import re
from functools import cache
from typing import Any

import yaml

from avatarflow.release.templates import FOLDER

from .document import Text
from .numbers import Number, formatted

LANGUAGES = ("de", "en")
DOSSIER = "dossier"
NOTES = {DOSSIER: "note.internal", "request": "note.request"}
"""The key of what stands below the title, by document."""
PIECE = re.compile(r"\{(\w+)\}|\[\[(.+?)\]\]")
"""A placeholder, or words that hold a fixed number: an article of a law, the level of the intervals."""


def table(language: str, document: str = DOSSIER) -> dict[str, str]:
    """Return the texts of a language by key; the files nest them, and the keys join with dots.

    Another document than the dossier has its own texts, and those of the dossier beside them.
    """
    return _table(language, document)


@cache
def _table(language: str, document: str) -> dict[str, str]:
    loaded = yaml.safe_load((FOLDER / document / f"{language}.yaml").read_text(encoding="utf-8"))
    shared = {} if document == DOSSIER else _table(language, DOSSIER)
    return {**shared, **dict(_flat(loaded, ""))}


def _flat(part: dict[str, Any], before: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in part.items():
        key = f"{before}{name}"
        found += _flat(value, f"{key}.") if isinstance(value, dict) else [(key, value)]
    return found


def placeholders(template: str) -> set[str]:
    """Return the names of a text's placeholders."""
    return {match[1] for match in PIECE.finditer(template) if match[1]}


def pieces(language: str, part: Text, document: str = DOSSIER) -> list[Any]:
    """Return a text as plain strings, values, and fixed words as `("fixed", words)`.

    Raises
    ------
    KeyError
        If the table lacks the key, or values and placeholders differ: a mistake of the program.
    """
    template = table(language, document)[part.key]
    if placeholders(template) != set(part.values):
        raise KeyError(f"{part.key}: the text names {sorted(placeholders(template))}")
    found: list[Any] = []
    done = 0
    for match in PIECE.finditer(template):
        found.append(template[done : match.start()])
        found.append(part.values[match[1]] if match[1] else ("fixed", match[2]))
        done = match.end()
    return [*found, template[done:]]


def shown(number: Number, language: str) -> str:
    """Return a number's text; words where there is none."""
    if number.value is None:
        return table(language)["not_measured"]
    return formatted(number.value, number.form, language)
