"""Keys that stand twice in a configuration file: YAML's readers keep the last one without a word.

Imported while Snakemake parses: standard library and PyYAML.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from avatarflow.core.errors import Problems


def refuse_repeated_keys(files: Iterable[str | Path]) -> None:
    """Refuse configuration files in which a key stands twice side by side.

    What is no YAML is left to Snakemake, which reads the files itself.

    Raises
    ------
    AvatarflowError
        One line per repeated key, all of them.
    """
    problems = Problems()
    for file in map(Path, files):
        for line, key in _repeated(file):
            problems.add(
                f"config {file.name} line {line}",
                f"key '{key}' stands there again",
                "keep one of them",
            )
    problems.raise_if_any()


def _repeated(file: Path) -> Iterator[tuple[int, str]]:
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
                if name in keys and isinstance(key, yaml.ScalarNode):
                    yield key.start_mark.line + 1, key.value
                keys.add(name)
