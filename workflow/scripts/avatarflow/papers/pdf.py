"""A paper as PDF, typeset from what its page shows by the typesetter of the dossier, and to the same standards."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avatarflow.release.dossier.pdf import drawable, typeset, widths

TEMPLATE = "paper.typ"


def pdf(paper: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a paper as a PDF file.

    Parameters
    ----------
    paper : mapping
        As `page.write_pages` takes it.
    items : sequence of mapping
        As from `page.shown`.

    Raises
    ------
    AvatarflowError
        If the typesetter cannot keep the standards.
    """
    pictures = {f"{item['name']}.png": Path(item["picture_file"]) for item in items}
    data = {
        "title": paper["title"],
        "about": paper["about"] or "",
        "command": paper["command"],
        "config_digest": paper["digest"],
        "items": [_item(item) for item in items],
        "left_out": [f"{each['title']}: {each['why']}" for each in paper["left_out"].values()],
    }
    return typeset(TEMPLATE, _drawable(data), pictures, "paper as PDF")


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("title", "reported", "remarks", "heads", "rows", "alt", "command", "config_digest", "data_file",
            "data_sha256")  # fmt: skip
    cells = [[[{"text": cell, "look": ""}] for cell in row] for row in item["rows"]]
    return {
        **{name: item[name] for name in kept},
        "picture": f"{item['name']}.png",
        "widths": widths(item["heads"], cells),
        "sources": [[path, digest] for path, digest in item["sources"].items()],
    }


def _drawable(value: Any) -> Any:
    """Return a value whose texts the typesetter's fonts can draw."""
    if isinstance(value, str):
        return drawable(value)
    if isinstance(value, Mapping):
        return {name: _drawable(part) for name, part in value.items()}
    return [_drawable(part) for part in value] if isinstance(value, list) else value
