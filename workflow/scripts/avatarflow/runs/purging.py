"""Remove what may still hold a patient who has withdrawn and is no longer needed: `make purge`, and after each run.

State is kept so that a killed job can go on; it holds weights and pictures. Once an entry is decided it has no use.
Imported while Snakemake parses: standard library only.
"""

import logging
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .closing_lines import DECISIONS

log = logging.getLogger(__name__)
RESULTS = Path("results")
STATE = RESULTS / "state"
LEFTOVERS = ".writing-*"


def purge_after_run(config: Mapping[str, Any], workdir: Path = Path()) -> int:
    """Remove the state of every entry and base that is made, and what killed writers left.

    Call it when no job runs: after a run that ended well, in its main process.

    Parameters
    ----------
    config : mapping
        The checked configuration.
    workdir : Path
        The run's working directory.

    Returns
    -------
    int
        How many folders and files were removed.
    """
    made = [
        workdir / STATE / map_name / name
        for map_name, path in DECISIONS.items()
        for name in config.get(map_name, {})
        if (workdir / path.format(map=map_name, name=name)).is_file()
    ]
    bases = workdir / STATE / "bases"
    made += [
        path
        for path in _children(bases)
        if (workdir / RESULTS / "bases" / path.name / "model_index.json").is_file()
    ]
    return _remove([*made, *_leftovers(workdir)])


def purge_all(workdir: Path = Path()) -> int:
    """Remove all state and all leftovers, whosoever they are; returns their number."""
    return _remove([*_children(workdir / STATE), *_leftovers(workdir)])


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _leftovers(workdir: Path) -> Iterator[Path]:
    yield from sorted((workdir / RESULTS).rglob(LEFTOVERS))


def _remove(paths: list[Path]) -> int:
    removed = 0
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.exists() or path.is_symlink():
            path.unlink()
        else:
            continue
        removed += 1
    return removed


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    locks = Path(".snakemake/locks")
    if locks.is_dir() and any(locks.iterdir()):
        log.error(
            "results: a run is going on, or was killed; wait for it, or start it again and let it end"
        )
        sys.exit(1)
    log.info("%d folders and files removed", purge_all())
