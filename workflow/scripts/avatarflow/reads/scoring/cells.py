"""Cells of a read benchmark: one tool and setting at one level of error and variation, with the files of its donors."""

from collections.abc import Mapping, Sequence
from typing import Any


def with_files(
    cells: Sequence[Mapping[str, Any]], index: Sequence[str] | None = None, **files: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the cells with the paths of their files.

    Parameters
    ----------
    cells : sequence of mapping
        `tool`, `setting`, `error`, `variation` and `donors`, a list of names.
    index : sequence of path, optional
        What the tool's index took, one per cell.
    files : sequence of path
        For each kind of file one path per donor of every cell, in the order of the cells.

    Returns
    -------
    list of dict
        The cells with `index`, and with `runs` in place of `donors`: per donor `donor` and one path of each kind.

    Raises
    ------
    ValueError
        If there are more or fewer paths than donors, or than cells.
    """
    donors = [name for cell in cells for name in cell["donors"]]
    runs = iter(
        [
            {"donor": donor, **dict(zip(files, paths, strict=True))}
            for donor, *paths in zip(donors, *files.values(), strict=True)
        ]
    )
    joined = []
    for cell in cells:
        labels = {key: value for key, value in cell.items() if key != "donors"}
        joined.append({**labels, "runs": [next(runs) for _ in cell["donors"]]})
    if index is None:
        return joined
    return [{**cell, "index": path} for cell, path in zip(joined, index, strict=True)]
