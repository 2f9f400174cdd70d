"""Parts of a generator's folder that are not released with it, as its `model_index.json` names them.

Imported while Snakemake parses: standard library only.
"""

from pathlib import Path

from avatarflow.core.paths import read_json

INTERNAL = "internal"
"""The key of `model_index.json`; folders of stock pipelines do not have it, and nothing in them is left out."""


def is_released(path: Path, folder: Path) -> bool:
    """Return whether a file of a generator's folder is released where the generator is."""
    index = folder / "model_index.json"
    internal = read_json(index).get(INTERNAL, []) if index.is_file() else []
    return path.relative_to(folder).parts[0] not in internal
