"""Refuse what only the text of a configuration file shows: keys that stand twice, and templates.

YAML's readers keep the last of two equal keys without a word. Snakemake runs the expressions of a file
with `__use_yte__` before anything here can look at it.

Imported while Snakemake parses: standard library and PyYAML.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from avatarflow.core.errors import Problems, refuse

TEMPLATE = "__use_yte__"


def check_text(files: Iterable[str | Path], root: str = "config") -> None:
    """Refuse configuration files in which a key stands twice side by side, or that are templates.

    What is no YAML is left to Snakemake, which reads the files itself. Messages begin with `root`.

    Raises
    ------
    AvatarflowError
        One line per repeated key and per template, all of them.
    """
    with Problems() as problems:
        for file in map(Path, files):
            for line, key, repeated in _keys(file):
                where = f"{root} {file.name} line {line}"
                if repeated:
                    problems.add(where, f"key '{key}' stands there again", "keep one of them")
                elif key == TEMPLATE:
                    problems.add(
                        where,
                        f"{TEMPLATE} lets the file run code",
                        "write the values out, and use only files that you trust",
                    )


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a configuration file as a run does, for commands that are no run.

    Raises
    ------
    AvatarflowError
        If it cannot be read, or is none.
    """
    check_text([path])
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
    except OSError:
        raise refuse("config", "it cannot be read", "give CONFIG=<file>") from None
    except (ValueError, yaml.YAMLError):
        raise refuse("config", "no YAML", "correct the file") from None
    if not isinstance(content, dict):
        raise refuse("config", "no keys", "correct the file")
    return content


def _keys(file: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield every key with its line, and whether it stood beside it before."""
    try:
        todo = [yaml.compose(file.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)]
    except (OSError, ValueError, yaml.YAMLError):
        return
    seen: set[int] = set()  # anchors lead to one node again and again
    while todo:
        node = todo.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            keys: set[tuple[str, str]] = set()
            for key, value in node.value:
                todo.append(value)
                name = (key.tag, str(key.value))
                if isinstance(key, yaml.ScalarNode):
                    yield key.start_mark.line + 1, key.value, name in keys
                keys.add(name)
