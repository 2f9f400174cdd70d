"""The page of a paper: every item with its figure, its table, what the source reports, and what it was made by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avatarflow.core.digest import file_sha256
from avatarflow.core.paths import read_json, write_bytes, write_json, write_text
from avatarflow.release.templates import embedded, figure, fill
from avatarflow.runs.context import Step

from .contents import FORMAT
from .pdf import pdf

NOT_STATED = "Not stated here."
DASH = "-"


def write_pages(
    inputs: Mapping[str, str], paper: Mapping[str, Any], outputs: Mapping[str, str], step: Step
) -> None:
    """Write a paper as HTML and PDF, and the list of its items with their digests.

    Parameters
    ----------
    inputs : mapping
        `<item>.json` and `<item>.png`: data and figure of each item that is shown.
    paper : mapping
        `name`, `title`, `about`, `digest`, `command` (of the whole), `items` (by name, in their order: `title`,
        `reported`, `remark`, `command`) and `left_out` (by name: `title` and `why`).
    outputs : mapping
        Files to write: `page` (HTML), `pdf`, `index` (JSON).
    """
    for name, item in paper["left_out"].items():
        step.warning("%s: left out; %s", name, item["why"])
    items = [
        shown(name, item, inputs[f"{name}.json"], inputs[f"{name}.png"])
        for name, item in paper["items"].items()
    ]
    write_text(outputs["page"], fill("paper.html.j2", paper=paper, items=items))
    write_bytes(outputs["pdf"], pdf(paper, items))
    write_json(outputs["index"], index(paper, inputs))
    step.info("%d items, %d left out", len(items), len(paper["left_out"]))


def index(paper: Mapping[str, Any], inputs: Mapping[str, str]) -> dict[str, Any]:
    """Return the list of a paper's items, by which two runs are compared."""
    return {
        "format": FORMAT,
        "paper": paper["name"],
        "config_digest": paper["digest"],
        "items": {
            name: {
                "file": f"items/{Path(inputs[f'{name}.json']).name}",
                "sha256": file_sha256(inputs[f"{name}.json"]),
            }
            for name in paper["items"]
        },
        "left_out": {name: item["why"] for name, item in paper["left_out"].items()},
    }


def shown(name: str, item: Mapping[str, Any], data: str, picture: str) -> dict[str, Any]:
    """Return an item with all that page and PDF show of it, numbers as text."""
    content = read_json(data)
    table = content["table"]
    return {
        "name": name,
        "title": item["title"],
        "reported": item["reported"] or NOT_STATED,
        "remarks": [*([item["remark"]] if item["remark"] else []), *content["remarks"]],
        "heads": table["columns"],
        "rows": [[cell_text(cell) for cell in row] for row in table["rows"]],
        "alt": content["alt"],
        "picture": embedded(picture),
        "picture_file": picture,
        "command": item["command"],
        "config_digest": content["config_digest"],
        "data_file": f"items/{Path(data).name}",
        "data_sha256": file_sha256(data),
        "sources": content["sources"],
    }


def cell_text(cell: Any) -> str:
    """Return a cell of a table as a reader sees it.

    >>> cell_text({"value": 0.5, "low": 0.41234, "high": 0.6, "n": 40}), cell_text(None)
    ('0.5 (0.4123 to 0.6; n 40)', '-')
    """
    if cell is None:
        return DASH
    if isinstance(cell, str):
        return cell
    if not isinstance(cell, Mapping):
        return figure(cell)
    if cell["low"] is None or cell["high"] is None:
        return f"{figure(cell['value'])} (n {cell['n']})"
    return (
        f"{figure(cell['value'])} ({figure(cell['low'])} to {figure(cell['high'])}; n {cell['n']})"
    )
