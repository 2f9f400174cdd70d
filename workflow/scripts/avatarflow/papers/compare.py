"""Two runs of a paper side by side, figure by figure. `make paper-diff A=... B=...`.

Reads the index and the data of the items alone, so either run may be an archived copy. Writes nothing.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avatarflow.core.errors import Problems, command, start

log = logging.getLogger(__name__)
INDEX = "index.json"
ITEM = ("kind", "table", "picture_sha256")
"""What the data of an item have, among others."""
SAME, OTHER_PICTURE = "same", "the same figures, another picture"
NAMED = 20  # values of one item that are named; more are counted
Table = dict[tuple[str, ...], dict[str, Any]]


@dataclass(frozen=True)
class Paper:
    """One run of a paper: the digest of its configuration, and the data of each item by its name."""

    config_digest: str
    items: Mapping[str, Mapping[str, Any]]
    left_out: Mapping[str, str]


def read_papers(folders: Mapping[str, str]) -> list[Paper]:
    """Read two runs from their folders, `results/papers/<name>`.

    Raises
    ------
    AvatarflowError
        One line per folder that is none and per item that cannot be read, all of them.
    """
    problems, papers = Problems(), []
    for letter, folder in folders.items():
        where, index = f"paper-diff {letter}", Path(folder) / INDEX
        if not folder or not index.is_file():
            found = f"no {INDEX} in {folder or 'nothing'}"
            problems.add(where, found, f"give {letter}=results/papers/<name>")
            continue
        content = _read(index, where, problems, ("items", "left_out"))
        if content is None:
            continue
        items: dict[str, Mapping[str, Any]] = {}
        for name, item in content["items"].items():
            one = _read(Path(folder) / item["file"], f"{where} {name}", problems, ITEM)
            items |= {} if one is None else {name: one}
        papers.append(Paper(content["config_digest"], items, content["left_out"]))
    problems.raise_if_any()
    return papers


def _read(
    path: Path, where: str, problems: Problems, holding: Sequence[str]
) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if isinstance(content, dict) and content.keys() >= {"config_digest", *holding}:
        return content
    problems.add(where, f"{path.name} is not there or damaged", "make it again")
    return None


def differences(a: Paper, b: Paper) -> Iterator[tuple[str, str]]:
    """Yield each item, those that B alone has last, with `SAME` or what differs, a pair per line."""
    for name in [*a.items, *(name for name in b.items if name not in a.items)]:
        one, other = a.items.get(name), b.items.get(name)
        if one is None or other is None:
            lacking, paper = ("A", a) if one is None else ("B", b)
            why = f" ({paper.left_out[name]})" if name in paper.left_out else ""
            yield name, f"missing in {lacking}{why}"
            continue
        lines = list(_changes(one, other))
        for line in lines[:NAMED]:
            yield name, line
        if len(lines) > NAMED:
            yield name, f"changed: {len(lines) - NAMED} more"
        if not lines:
            yield name, SAME


def _changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Yield what two runs of one item say differently, both values each."""
    if one["kind"] != other["kind"]:
        yield f"changed: kind: {one['kind']} -> {other['kind']}"
        return
    a, b = by_row(one["table"]), by_row(other["table"])
    for row in [*a, *(row for row in b if row not in a)]:
        where = ", ".join(row)
        if row not in a or row not in b:
            yield f"changed: {where}: only in {'B' if row not in a else 'A'}"
            continue
        for column in [*a[row], *(each for each in b[row] if each not in a[row])]:
            values = [side[row].get(column) for side in (a, b)]
            if values[0] != values[1]:
                yield f"changed: {where}: {column}: {_short(values[0])} -> {_short(values[1])}"
    if one["picture_sha256"] != other["picture_sha256"] and one["table"] == other["table"]:
        yield f"changed: {OTHER_PICTURE}"


def by_row(table: Mapping[str, Any]) -> Table:
    """Return the cells of a table by the names of its row, and then by column."""
    keys = table["keys"]
    return {
        tuple(map(str, row[:keys])): dict(zip(table["columns"][keys:], row[keys:], strict=True))
        for row in table["rows"]
    }


def _short(value: Any) -> str:
    """Return a cell in one line, an estimate with its interval."""
    if not isinstance(value, Mapping):
        return str(value) if isinstance(value, str) else json.dumps(value)
    return f"{value['value']:g} ({value['low']} to {value['high']}, n {value['n']})"


@command
def main(arguments: Sequence[str]) -> int:
    """Show the differences of two folders; the exit status is 1 where there are any, 2 where one cannot be read."""
    folders = dict(zip("AB", [*arguments, "", ""][:2], strict=True))
    a, b = read_papers(folders)
    if a.config_digest != b.config_digest:
        log.info("configuration: another one (%s -> %s)", a.config_digest, b.config_digest)
    differing = 0
    for name, line in differences(a, b):
        log.info("%s: %s", name, line)
        differing += line != SAME
    return min(differing, 1)


if __name__ == "__main__":
    start(main)
