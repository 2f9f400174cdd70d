"""Reading the catalogue: one YAML file per source, in a folder per area below resources/sources/."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from avatarflow.config.file_text import check_text
from avatarflow.config.loading import SCHEMAS, schema_lines
from avatarflow.core.errors import AvatarflowError, Problems, problem

from .checks import AREAS, entry_problems

SOURCES = SCHEMAS.parents[1] / "resources" / "sources"
SCHEMA = "source_catalogue.schema.yaml"
PAGE = "docs/sources.md"


@dataclass(frozen=True)
class Source:
    """One source of the catalogue.

    Parameters
    ----------
    identifier : str
        Folder and file without its ending, such as `fundus/papila`.
    entry : mapping
        What the file holds; it fits the schema.
    """

    identifier: str
    entry: Mapping[str, Any]

    @property
    def area(self) -> str:
        """The folder of the entry."""
        return self.identifier.partition("/")[0]

    def is_verified(self, key: str) -> bool:
        """Whether a page that was read supports the value of a key."""
        return key not in self.entry["unverified"]


def read_catalogue(folder: Path = SOURCES) -> list[Source]:
    """Read and check every entry, by area and then by file name.

    Parameters
    ----------
    folder : path
        Holds one folder per area, and these one `<name>.yaml` per source.

    Raises
    ------
    AvatarflowError
        One line per problem of every file.
    """
    files = sorted(folder.rglob("*.yaml"), key=lambda path: _order(folder, path))
    with Problems() as problems:
        if not files:
            problems.add(f"sources {folder.name}", "no entries", "check the folder")
        sources = []
        for file in files:
            identifier = file.relative_to(folder).with_suffix("").as_posix()
            entry, lines = _read(file, identifier)
            problems.extend(lines)
            if not lines:
                sources.append(Source(identifier, entry))
        problems.extend(_repeated(sources))
    return sources


def _order(folder: Path, file: Path) -> tuple[int, str]:
    """Return what sorts a file by the order of areas, and those of an area by name."""
    path = file.relative_to(folder)
    area = path.parts[0]
    return (list(AREAS).index(area) if area in AREAS else len(AREAS), path.as_posix())


def _read(file: Path, identifier: str) -> tuple[dict[str, Any], list[str]]:
    """Return what a file holds, and its problems."""
    where = f"sources {identifier}"
    area, _, rest = identifier.partition("/")
    if area not in AREAS or not rest or "/" in rest:
        return {}, [problem(where, "not in the folder of an area", f"use {', '.join(AREAS)}")]
    try:
        entry = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        return {}, [problem(where, f"no YAML ({type(error).__name__})", "correct the file")]
    if not isinstance(entry, dict):
        return {}, [problem(where, "no keys", f"write the keys that {PAGE} lists")]
    lines = []
    try:
        check_text([file], "sources")
    except AvatarflowError as error:
        lines = str(error).splitlines()
    lines += schema_lines(entry, SCHEMA, where, PAGE)
    if not lines:
        lines = [problem(f"{where} {key}", *rest) for key, *rest in entry_problems(entry)]
    return entry, lines


def _repeated(sources: list[Source]) -> Iterator[str]:
    """Yield one line per name that two entries have."""
    named = defaultdict(list)
    for source in sources:
        named[source.entry["name"].casefold()].append(source.identifier)
    for identifiers in named.values():
        if len(identifiers) > 1:
            where = f"sources {identifiers[1]} name"
            yield problem(where, f"the name of {identifiers[0]}", "keep one of the entries")
