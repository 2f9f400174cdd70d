"""The dossier as files: an HTML page per language, self-contained and without script, and the PDF beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from avatarflow.core.digest import file_sha256
from avatarflow.core.paths import write_bytes
from avatarflow.release.templates import fill

from .document import Digest, Section, Text
from .pdf import pdf
from .texts import DOSSIER, NOTES, pieces, shown, table


def write_dossier(
    title: Text,
    sections: Sequence[Section],
    pages: Mapping[str, str],
    document: str = DOSSIER,
    pdfs: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the page and the PDF of every language; all are made before the first file is written.

    Parameters
    ----------
    title : Text
    sections : sequence of Section
    pages, pdfs : mapping of language to path
    document : str
        Folder of the texts, below that of the templates.
    """
    made = {
        path: page(title, sections, language, document).encode() for language, path in pages.items()
    }
    made |= {path: pdf(title, sections, language, document) for language, path in pdfs.items()}
    for path, content in made.items():
        write_bytes(path, content)


def page(title: Text, sections: Sequence[Section], language: str, document: str = DOSSIER) -> str:
    """Return the page in one language."""
    texts = table(language, document)
    return fill(
        "dossier/page.html.j2",
        language=language,
        title=title,
        note=NOTES[document],
        sections=sections,
        say=lambda key: texts[key],
        pieces=lambda part: pieces(language, part, document),
        shown=lambda number: shown(number, language),
    )


def digest(file: str, path: str | Path) -> Digest:
    """Return the SHA-256 of a result file that is shown under the name `file`."""
    return Digest(file, file_sha256(path))
