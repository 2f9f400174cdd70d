"""Read the pictures that a manifest lists, each in a process of its own, and refuse those that show nothing."""

import hashlib
import itertools
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse
from avatarflow.imaging.io import read_bytes, read_picture, resize_square
from avatarflow.imaging.picture_checks import Limits, PictureError, shows_nothing
from avatarflow.runs.context import Step

from .listed_files import advice_on_name, resolve_inside, why_unresolved
from .tables.manifest import EMBEDDED, ROW
from .tables.text_table import FILE

Size = tuple[int, int]
ONE_COLOUR = "one colour only"


def refuse_missing_root(root: str | Path, key: str = "root") -> None:
    """Say that the folder is missing, and not that each of its pictures is; `key` names it in the config."""
    if not Path(root).is_dir():
        do = f"check {key}, data_root and AVATARFLOW_DATA; ~ is not expanded"
        raise refuse(f"{key} {root}", "no such folder", do)


def read_all(
    rows: pd.DataFrame,
    root: str,
    entry: dict[str, Any],
    processes: int,
    step: Step,
    keep: Callable[[Pictures], int],
) -> tuple[dict[int, int], dict[int, str], dict[int, Size], dict[int, str]]:
    """Decode every row's picture and hand it to `keep`, which returns its place.

    Returns
    -------
    places, contents, sizes, refused : dict
        By manifest row: the place, a digest of the content, the file's size, and why a picture was refused.
    """
    limits = {key: value for key, value in entry["limits"].items() if key != "max_refused_share"}
    read = partial(
        _read_one, root=root, size_px=entry["size_px"], fit=entry["fit"], limits=Limits(**limits)
    )
    places: dict[int, int] = {}
    contents: dict[int, str] = {}
    sizes: dict[int, Size] = {}
    refused: dict[int, str] = {}
    with ProcessPoolExecutor(max_workers=processes) as workers:
        embedded = rows[EMBEDDED] if EMBEDDED in rows.columns else itertools.repeat(None)
        results = workers.map(read, rows[FILE], embedded, chunksize=8)
        for done, (row, (picture, content, size, reason)) in enumerate(
            zip(rows[ROW], results, strict=True), start=1
        ):
            if picture is None:
                refused[int(row)] = reason
            else:
                places[int(row)], contents[int(row)], sizes[int(row)] = keep(picture), content, size
            step.progress(done, len(rows), "pictures read")
    return places, contents, sizes, refused


def _read_one(
    name: str | None, embedded: bytes | None, root: str, size_px: int, fit: str, limits: Limits
) -> tuple[Pictures | None, str, Size, str]:
    """One picture at working size, digest and size of its full content, and the reason where it is refused.

    `embedded` is the file's content where the manifest holds it; nothing is then read from `root`.
    """
    nothing = (None, "", (0, 0))
    try:
        if embedded is not None:
            picture, _ = read_bytes(embedded, limits)
        elif not name or not name.strip():
            return *nothing, "file name is empty"
        elif (path := resolve_inside(root, name)) is None:
            return *nothing, why_unresolved(root, name)
        else:
            picture, _ = read_picture(path, limits)
    except PictureError as error:
        odd = advice_on_name(name or "") if str(error) == "no such file" else ""
        return *nothing, f"{error}: {odd}" if odd else str(error)
    size = (picture.shape[1], picture.shape[0])
    if shows_nothing(picture):
        return None, "", size, ONE_COLOUR  # six patients with a black picture would become one
    return (
        resize_square(picture, size_px, fit),
        hashlib.sha256(picture.tobytes()).hexdigest(),
        size,
        "",
    )
