"""The dossier as HTML files, one per language: self-contained, no script, made to be printed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avatarflow.core.paths import replacing
from avatarflow.release.templates import fill

from .document import Digest, Section, Text
from .numbers import Number, formatted
from .texts import DOSSIER, pieces, table


def write_dossier(
    title: Text, sections: Sequence[Section], pages: Mapping[str, str], document: str = DOSSIER
) -> None:
    """Write the page of every language; all texts are made before the first file is written.

    Parameters
    ----------
    title : Text
    sections : sequence of Section
    pages : mapping of language to path
    document : str
        Folder of the texts, below that of the templates.
    """
    made = {path: page(title, sections, language, document) for language, path in pages.items()}
    for path, content in made.items():
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8")


def page(title: Text, sections: Sequence[Section], language: str, document: str = DOSSIER) -> str:
    """Return the page in one language."""
    texts = table(language, document)
    return fill(
        "dossier/page.html.j2",
        language=language,
        title=title,
        note="note.internal" if document == DOSSIER else f"note.{document}",
        sections=sections,
        say=lambda key: texts[key],
        pieces=lambda part: pieces(language, part, document),
        shown=lambda number: _shown(number, language),
    )


def _shown(number: Number, language: str) -> str:
    """Return a number's text; words where there is none."""
    if number.value is None:
        return table(language)["not_measured"]
    return formatted(number.value, number.form, language)


def read_json(path: str | Path) -> Any:
    """Return the content of a result file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def digest(file: str, path: str | Path) -> Digest:
    """Return the SHA-256 of a result file that is shown under the name `file`."""
    return Digest(file, hashlib.sha256(Path(path).read_bytes()).hexdigest())
