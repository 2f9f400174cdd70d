"""The dossier as PDF/A-2a and PDF/UA-1 files, typeset by Typst from the same sections, numbers and texts as the page.

The template is fixed. What the sections say reaches it as data (JSON), so no text can become markup.
"""

import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typst

from avatarflow.core.errors import refuse
from avatarflow.release.templates import FOLDER

from .document import Section, Text
from .texts import DOSSIER, NOTES, pieces, shown, table

TEMPLATE = "dossier/sheets.typ"
NO_DATE = 0
"""PDF/A demands a date. Equal runs give equal bytes, so it is no clock's: the start of 1970 stands for none."""
NARROW, WIDE, EDGE = 12, 60, 7
"""Characters of a cell that widen its column, at least and at most, and what its edges take."""
DRAWN = re.compile(
    "[\u0020-\u007e\u00a0-\u00ac\u00ae-\u017f\u0391-\u03a1\u03a3-\u03c9\u0400-\u045f"
    "\u2010-\u2015\u2018-\u201e\u2020-\u2022\u2026\u2030\u2032\u2033\u2039\u203a\u20ac\u2122\u2212\u2264\u2265]"
)
"""Characters that the typesetter's own fonts draw: Latin, Greek, Cyrillic and common signs."""


def pdf(title: Text, sections: Sequence[Section], language: str, document: str = DOSSIER) -> bytes:
    """Return the dossier in one language as a PDF file.

    Nothing outside the package is read: no font of the machine, no clock, no network.

    Raises
    ------
    AvatarflowError
        If the typesetter cannot keep the standards.

    References
    ----------
    ISO 19005-2:2011 (PDF/A-2), conformance level A; ISO 14289-1:2014 (PDF/UA-1).
    """
    sheets = Sheets(language, document)
    data = {
        "language": language,
        "title": "".join(run["text"] for run in sheets.runs(title)),
        "note": sheets.say(NOTES[document]),
        "internal": sheets.say("sheet.internal"),
        "page": sheets.say("sheet.page"),
        "of": sheets.say("sheet.of"),
        "sections": [sheets.section(section) for section in sections],
    }
    return typeset(TEMPLATE, data, {}, "dossier as PDF")


def typeset(
    template: str, data: Mapping[str, Any], pictures: Mapping[str, Path], where: str
) -> bytes:
    """Return what a template makes of plain data, as a PDF file.

    Nothing else outside the package is read: no font of the machine, no clock, no network.

    Parameters
    ----------
    template : str
        Its name below the folder of templates.
    data : mapping
        What the template shows.
    pictures : mapping of name to path
        Files that the data name.
    where : str
        What a refusal begins with.

    Raises
    ------
    AvatarflowError
        If the typesetter cannot keep the standards.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, path in pictures.items():
            shutil.copyfile(path, Path(folder) / name)
        compiler = typst.Compiler(root=folder, font_paths=typst.Fonts(include_system_fonts=False))
        try:
            made = compiler.compile(
                (FOLDER / template).read_bytes(),
                format="pdf",
                pdf_standards=["a-2a", "ua-1"],
                sys_inputs={"data": json.dumps(data)},
                timestamp=NO_DATE,
            )
        except typst.TypstError as problem:
            what = problem.message.partition("\n")[0]
            do = "report this; the HTML page says the same"
            raise refuse(where, what, do) from None
    if not isinstance(made, bytes):
        raise refuse(where, "the typesetter returned no file", "install the locked typst")
    return made


class Sheets:
    """Sections of one language as plain data for the template.

    Parameters
    ----------
    language : str
    document : str
        Folder of the texts, below that of the templates.
    """

    def __init__(self, language: str, document: str = DOSSIER) -> None:
        self.language, self.document = language, document

    def say(self, key: str) -> str:
        """Return a text without placeholders."""
        return drawable(table(self.language, self.document)[key])

    def section(self, section: Section) -> dict[str, Any]:
        """Return a section's title and blocks; the page to sign starts a sheet."""
        name = section.key.rpartition(".")[2]
        return {
            "title": self.say(section.key),
            "new_sheet": name == "sign",
            "blocks": [self.block(block) for block in section.blocks],
        }

    def block(self, block: Any) -> dict[str, Any]:
        """Return a block by its kind."""
        if block.kind == "items":
            texts = [self.runs(each) for each in block.texts]
            return {"kind": "items", "ordered": block.ordered, "texts": texts}
        if block.kind == "table":
            return self._table(block)
        if block.kind == "sheet":
            parts = ("boxes", "fields", "signatures")
            keys: Mapping[str, Sequence[str]] = {part: getattr(block, part) for part in parts}
            lines = {part: [self.say(key) for key in each] for part, each in keys.items()}
            return {"kind": "sheet", **lines}
        if block.kind == "declared":
            lines = block.text.strip().splitlines()
            return {"kind": "declared", "lines": [drawable(line) for line in lines]}
        if block.kind in ("heading", "boxed"):
            outcome = getattr(block, "outcome", "")
            return {"kind": block.kind, "runs": self.runs(block.text), "outcome": outcome}
        return {"kind": "text", "runs": self.runs(block)}

    def _table(self, block: Any) -> dict[str, Any]:
        heads = [self.say(head) for head in block.heads]
        rows = [[self.runs(cell) for cell in row] for row in block.rows]
        return {
            "kind": "table",
            "heads": heads,
            "widths": widths(heads, rows),
            "rows": rows,
            "classes": list(block.classes) or [""] * len(block.rows),
        }

    def runs(self, part: Any) -> list[dict[str, str]]:
        """Return a text as runs of one look each.

        Raises
        ------
        ValueError
            If a part is of a kind that a text cannot hold: a mistake of the program.
        """
        if isinstance(part, str):
            return [_run(part)] if part else []
        if isinstance(part, tuple):  # ("fixed", words)
            return [_run(part[1])]
        if part.kind == "number":
            return [_run(shown(part, self.language))]
        if part.kind in ("name", "digest", "declared"):
            return [_run(part.text, part.kind)]
        if part.kind == "joined":
            behind = [run for each in part.parts for run in (_run(", "), *self.runs(each))]
            return behind[1:]
        if part.kind == "text":
            parts = pieces(self.language, part, self.document)
            return [run for each in parts for run in self.runs(each)]
        raise ValueError(f"a text cannot hold a {part.kind}")


def widths(heads: Sequence[str], rows: Sequence[Sequence[Sequence[dict[str, str]]]]) -> list[int]:
    """Return the shares of a table's columns: their longest cell in characters, within limits."""
    lengths = [len(head) for head in heads]
    for row in rows:
        cells = (sum(len(run["text"]) for run in cell) for cell in row)
        lengths = [max(pair) for pair in zip(lengths, cells, strict=True)]
    return [min(max(length, NARROW), WIDE) + EDGE for length in lengths]


def _run(text: str, look: str = "") -> dict[str, str]:
    return {"text": drawable(text), "look": look}


def drawable(text: str) -> str:
    """Return a text that the fonts can draw: white space as one blank, other characters by their number.

    >>> drawable("Größe" + chr(0x1F600))
    'Größe[U+1F600]'
    """
    composed = unicodedata.normalize("NFC", text)
    blank = re.sub(r"[^\S\u00a0]+", " ", composed)
    blank = re.sub(r"(?<=\d) (?=%)|(?<=§) ", "\u00a0", blank)
    return "".join(each if DRAWN.match(each) else f"[U+{ord(each):04X}]" for each in blank)
