"""Files of a generator's folder that are released with it: all but the parts that its `model_index.json` keeps back.

Imported while Snakemake parses: standard library only.
"""

from collections.abc import Iterable
from pathlib import Path

from avatarflow.core.paths import read_json

INTERNAL = "internal"
"""The key of `model_index.json`; folders of stock pipelines do not have it, and nothing in them is left out."""


def released(files: Iterable[Path], folder: Path) -> list[Path]:
    """Return those files of a generator's folder that are released where the generator is."""
    index = folder / "model_index.json"
    kept_back = read_json(index).get(INTERNAL, []) if index.is_file() else []
    return [path for path in files if path.relative_to(folder).parts[0] not in kept_back]
