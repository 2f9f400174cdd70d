"""Many releases from one table: a row per release, over what all of them share.

Imported while Snakemake parses: standard library and PyYAML.
"""

import copy
import csv
from pathlib import Path
from typing import Any

import yaml

from avatarflow.core.errors import Problems

Config = dict[str, Any]


def add_rows(config: Config) -> None:
    """Turn each row of the table that `release_table` names into an entry of `releases`, in place.

    The column `name` names the release; any other is a key of an entry, with dots for keys inside keys
    (`source.generate.persons`). A cell is YAML, as it would stand in the config; an empty one sets nothing.

    Raises
    ------
    AvatarflowError
        On a table that cannot be read, and with one line per row or column that cannot be used.
    """
    asked = config.get("release_table")
    releases = config.setdefault("releases", {})
    if not isinstance(asked, dict) or not isinstance(asked.get("file"), str):
        return  # none, or one that the schema refuses
    if not isinstance(releases, dict) or not isinstance(asked.get("entry", {}), dict):
        return  # as above
    with Problems() as problems:
        for where, row in _rows(Path(asked["file"]), problems):
            name = (row.pop("name") or "").strip()
            if not name or name in releases:
                found = f"a second release {name!r}" if name else "no name"
                problems.add(where, found, "give each release a name of its own")
                continue
            entry = copy.deepcopy(asked.get("entry", {}))
            for key, cell in row.items():
                if cell is not None and cell.strip():
                    _set(entry, key, cell, where, problems)
            releases[name] = entry


def _rows(file: Path, problems: Problems) -> list[tuple[str, dict[str, str | None]]]:
    """The rows with where each stands; tabs or commas, as the first line has them."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        problems.add(
            f"config release_table.file {file}",
            "cannot be read as text",
            "name a TSV or CSV file in UTF-8",
        )
        return []
    reader = csv.DictReader(lines, delimiter="\t" if lines and "\t" in lines[0] else ",")
    columns = list(reader.fieldnames or [])
    if "name" not in columns or len(set(columns)) < len(columns):
        problems.add(
            f"{file}:1",
            "no column `name`, or a column twice",
            "head the table with name and the keys to set",
        )
        return []
    found = [(f"{file}:{reader.line_num}", row) for row in reader]
    for where, row in found:
        if row.pop(None, None):  # type: ignore[call-overload]  # csv puts what has no column under None
            problems.add(where, "more cells than columns", "make them as many")
    if not found:
        problems.add(str(file), "no row", "give a row per release, or leave release_table out")
    return found


def _set(entry: Config, key: str, cell: str, where: str, problems: Problems) -> None:
    """Put one cell where its key points."""
    *parents, last = key.split(".")
    try:
        value = yaml.safe_load(cell)
    except yaml.YAMLError:
        problems.add(f"{where} {key}", "a cell that is no YAML", "write the value as in the config")
        return
    for parent in parents:
        entry = entry.setdefault(parent, {})
        if not isinstance(entry, dict):
            problems.add(
                f"{where} {key}",
                f"`{parent}` is a value already",
                "set the value or keys inside it",
            )
            return
    entry[last] = value
