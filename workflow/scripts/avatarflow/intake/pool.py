"""The pool: every selected picture judged fit or refused with a reason, at working size, by person and role."""

import hashlib
import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse
from avatarflow.imaging.io import read_bytes, read_picture, resize_square
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.picture_checks import Limits, PictureError
from avatarflow.imaging.spool import Chosen, Spool, Stored
from avatarflow.runs.context import Step

from .eyes import number_eyes
from .identifiers import normalised
from .manifest import (
    EMBEDDED,
    FILE,
    ROW,
    advice_on_name,
    files_of,
    read_manifest,
    resolve_inside,
    select_rows,
)
from .near_equal import near_equal_pairs
from .persons import (
    EYE,
    FIELD,
    KEY,
    UNIT,
    assign_roles,
    flat_columns,
    identify,
    joined_in_bulk,
    number_fields,
    number_persons,
)

Size = tuple[int, int]
EYES_IF_THERE = ("eye_id",)  # the default of eye_columns, which nobody asked for
DRAWN_AT_ONCE = 512
NO_PERSON = "no person: every person column is empty"
SAME_CONTENT = "same content as row"
ONE_COLOUR = "one colour only"
ADVICE = {
    "no such file": "check root and the file names",
    "unknown value": "list labels under conditions as the manifest writes them",
}
FEW = 8  # pictures of one label from which nothing can be learnt
SHOWN_PAIRS = 10
UNIFORM = (
    2  # grey levels between the darkest and the brightest value of a picture that shows nothing
)


@dataclass
class Pool:
    """Pictures (n, size, size, 3) and their rows: `item`, `row`, `person`, `role`, `unit`, `eye`, and the labels."""

    pictures: Stored
    table: pd.DataFrame
    refused: dict[int, str] = field(default_factory=dict)  # manifest row -> reason
    sizes: dict[int, Size] = field(
        default_factory=dict
    )  # manifest row -> width and height of the file's picture
    shared: list[tuple[int, int]] = field(
        default_factory=list
    )  # manifest rows: one picture under two persons


def pool_from_manifest(
    entry: dict[str, Any],
    manifest: str,
    root: str,
    seed: int,
    processes: int,
    step: Step,
    folder: str | None = None,
) -> Pool:
    """Read, check and divide the pictures of a manifest.

    Parameters
    ----------
    entry : dict
        A `releases` or `audits` entry of the checked config.
    manifest, root : str
        The table, and the folder its `file` column starts from.
    processes : int
        How many pictures are decoded at once; the result does not depend on it.
    folder : str, optional
        Where the pictures lie until they are written: as raw bytes in a file without a name.

    Raises
    ------
    AvatarflowError
        For an unusable manifest, selection or split; refused rows are returned, not raised.
    """
    conditions = label_columns(entry)
    constant: list[str] = entry.get("constant_per_person", [])
    given = [entry["split"]["column"]] if entry["split"]["column"] else []
    refuse_missing_root(root)
    columns = list(
        dict.fromkeys([*flat_columns(entry["patient_id_columns"]), *conditions, *constant, *given])
    )
    every, who = read_and_identify(entry, manifest, columns)
    rows = select_rows(every, entry["row_filter"], "config row_filter")
    wanted = dict.fromkeys([ROW, FILE, EMBEDDED, *columns, FIELD])
    rows = rows[
        [column for column in wanted if column in rows.columns]
    ]  # no other can clash with those added here
    rows = rows.join(who[[KEY, UNIT]])
    step.info("%d pictures selected", len(rows))
    joined = joined_in_bulk(every, entry["patient_id_columns"], entry["eye_columns"], who[KEY])
    for warning in [*joined, *oddities(rows, conditions)]:
        step.warning("%s", warning)

    refused = refuse_labels(rows, conditions, constant)
    fit = rows[~rows[ROW].isin(refused)]
    spool = Spool(folder, entry["size_px"])
    places, contents, sizes, unreadable = read_all(fit, root, entry, processes, step, spool.append)
    refused |= unreadable
    seen = dict.fromkeys(places, "") | unreadable
    fit = fit[~fit[ROW].isin(refused)]
    copies, same = refuse_copies(fit, contents, list(conditions))
    refused |= copies
    kept = fit[~fit[ROW].isin(refused)]
    if kept.empty:
        found = f"no usable picture is left ({reasons_in_words(refused)})"
        raise refuse(f"manifest {Path(manifest).name}", found, advice_on(refused))

    look = partial(
        read_all, root=root, entry=entry, processes=processes, step=step, keep=lambda picture: 0
    )
    listed = persons_of_one_file(
        every.assign(**{KEY: who[KEY]}), root, seen, lambda rows: look(rows)[3]
    )
    if listed:
        step.warning("%d times a file is listed under two persons, who count as one", len(listed))
    same += listed
    pictures = Chosen(spool, [places[row] for row in kept[ROW]])
    again = near_equal_pairs(pictures, pd.factorize(kept["key"])[0])
    rows_again = [(int(kept[ROW].iloc[i]), int(kept[ROW].iloc[j])) for i, j in again]
    if again:
        shown = ", ".join(f"{first} and {second}" for first, second in rows_again[:SHOWN_PAIRS])
        step.warning(
            "%d pairs of rows show one picture under two persons, who count as one: %s",
            len(again),
            shown,
        )
    same += [(kept["key"].iloc[i], kept["key"].iloc[j]) for i, j in again]
    numbers = number_persons(list(fit["key"]), same, seed)[fit[ROW].isin(kept[ROW]).to_numpy()]
    sides = list(kept[given[0]]) if given else None
    table = pd.DataFrame(
        {
            "item": np.arange(len(kept)),
            "row": kept[ROW].to_numpy(np.int64),
            "person": numbers,
            "role": assign_roles(numbers, entry["split"]["shares"], seed, sides),
            "unit": kept["unit"].to_numpy(),
            "eye": number_eyes(who.loc[kept.index, EYE]),
            **number_fields(kept),
            **{column: kept[column].to_numpy() for column in conditions},
        }
    )
    shared = [*shared_rows(fit, contents), *rows_again]
    return Pool(pictures, table, refused, {row: sizes[row] for row in kept[ROW]}, shared)


def read_and_identify(
    entry: dict[str, Any], manifest: str, columns: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read every row of a manifest, and who stands in it: rows that are not wanted may link those that are.

    Raises
    ------
    AvatarflowError
        For a manifest that cannot be used, or lacks a column that the entry names.
    """
    eye_columns: list[str] = entry["eye_columns"]
    if_there = [name for name in eye_columns if name in EYES_IF_THERE]
    rows = read_manifest(
        manifest, [*columns, *(name for name in eye_columns if name not in if_there)], if_there
    )
    if taken := sorted({KEY, UNIT} & set(columns)):
        raise refuse(
            "config", f"a column is called '{taken[0]}'", "rename it: the name is reserved"
        )
    return rows, identify(rows, entry["patient_id_columns"], eye_columns)


def pool_from_generator(
    entry: dict[str, Any], seed: int, processes: int, folder: str | None = None
) -> Pool:
    """Draw a pool of procedural eyes: the same table, with ground truth for identity."""
    wanted = entry["source"]["generate"]
    eyes, per_eye = range(2 * wanted["persons"]), range(wanted["pictures_per_eye"])
    pairs = list(itertools.product(eyes, per_eye))
    pictures, tables = Spool(folder, entry["size_px"]), []
    for start in range(0, len(pairs), DRAWN_AT_ONCE):
        identities, numbers = zip(*pairs[start : start + DRAWN_AT_ONCE], strict=True)
        block, described = draw_eyes(
            wanted["kind"], identities, numbers, entry["size_px"], seed, processes=processes
        )
        for picture in block:
            pictures.append(picture)
        tables.append(described)
    drawn = pd.concat(tables, ignore_index=True)
    persons = drawn["person"].to_numpy(np.int64)
    table = pd.DataFrame(
        {
            "item": np.arange(len(pairs)),
            "row": np.arange(1, len(pairs) + 1),
            "person": persons,
            "role": assign_roles(persons, entry["split"]["shares"], seed),
            "unit": "person",
            "eye": drawn["identity"].to_numpy(np.int64),
            **{column: drawn[column].to_numpy() for column in entry["conditions"]},
        }
    )
    return Pool(pictures, table)


def refuse_missing_root(root: str | Path) -> None:
    """Say that the folder is missing, and not that each of its pictures is."""
    if not Path(root).is_dir():
        raise refuse(
            f"root {root}",
            "no such folder",
            "check root, data_root and AVATARFLOW_DATA; ~ is not expanded",
        )


def oddities(rows: pd.DataFrame, conditions: dict[str, list[str]]) -> list[str]:
    """What may be meant, but seldom is, in sentences without a value of a row."""
    odd = []
    for column, allowed in conditions.items():
        for place, count in enumerate(int((rows[column] == value).sum()) for value in allowed):
            if count < FEW:
                odd.append(
                    f"condition {column}: {count} pictures have value {place + 1} of the list; add some, or drop it"
                )
    largest = rows["key"].value_counts(normalize=True).max() if rows["key"].notna().any() else 0.0
    if largest > 0.25 and rows["key"].nunique() > 4:
        odd.append(f"one patient has {largest:.0%} of the pictures; the others may be too few")
    return odd


def refuse_labels(
    rows: pd.DataFrame, conditions: dict[str, list[str]], constant: Iterable[str]
) -> dict[int, str]:
    """Rows without a person, with a label outside the allowed values, or that contradict their person's other rows."""
    refused: dict[int, str] = {}
    for row in rows.loc[rows["key"].isna(), ROW]:
        refused[int(row)] = NO_PERSON
    for column, allowed in conditions.items():
        unknown = rows[column].notna() & ~rows[column].isin(allowed)
        alike = rows[column].map(normalised).isin({normalised(value) for value in allowed})
        for row, near in zip(rows.loc[unknown, ROW], alike[unknown], strict=True):
            reason = f"unknown value in column {column}"
            refused.setdefault(
                int(row), f"{reason}: a listed one but for case, blanks or '.0'" if near else reason
            )
    for column in constant:
        differing = rows.groupby("key")[column].transform("nunique") > 1
        for row in rows.loc[differing, ROW]:
            refused.setdefault(
                int(row), f"contradictory values in column {column} within one person"
            )
    return refused


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


def label_columns(entry: dict[str, Any]) -> dict[str, list[str]]:
    """The label columns of an entry with their values; the camera is one more label."""
    return {**entry.get("conditions", {}), **entry.get("cameras", {})}


def shared_rows(rows: pd.DataFrame, contents: dict[int, str]) -> list[tuple[int, int]]:
    """Pairs of manifest rows that hold one picture under two persons: the first row of a picture and a later one."""
    found: list[tuple[int, int]] = []
    for _, group in rows.groupby(rows[ROW].map(contents), sort=False):
        first: Hashable = group["key"].iloc[0]
        later = group[[key != first for key in group["key"]]]
        found.extend((int(group[ROW].iloc[0]), int(row)) for row in later[ROW])
    return found


def persons_of_one_file(
    rows: pd.DataFrame,
    root: str,
    seen: Mapping[int, str],
    look: Callable[[pd.DataFrame], Mapping[int, str]],
) -> list[tuple[Hashable, Hashable]]:
    """Find pairs of person keys under which a manifest lists one file, in rows that are refused or not wanted, too.

    A file of one colour only stands for a picture that there is not, and joins nobody.

    Parameters
    ----------
    rows : every row of the manifest, with `key`
    seen : mapping
        Why a row's picture was refused, by row; empty for one that was read.
    look : function
        The same for rows that nobody has read yet.
    """
    rows = rows[rows[KEY].notna()]
    groups = [
        group
        for _, group in rows.groupby(files_of(rows, root), sort=False)
        if group[KEY].nunique() > 1
    ]
    unseen = [group.iloc[:1] for group in groups if not set(group[ROW]) & set(seen)]
    reasons = {**seen, **(look(pd.concat(unseen)) if unseen else {})}
    shown = [
        group[KEY].unique()
        for group in groups
        if ONE_COLOUR not in {reasons.get(row) for row in group[ROW]}
    ]
    return [(keys[0], key) for keys in shown for key in keys[1:]]


def refuse_copies(
    rows: pd.DataFrame, contents: dict[int, str], labels: list[str]
) -> tuple[dict[int, str], list[tuple[Any, Any]]]:
    """Pictures with the same content: later ones are refused, all of them where their labels contradict each other.

    Returns
    -------
    refused : dict
        Manifest row -> reason.
    same : list of pairs of person keys
        Persons who share a picture and so must count as one.
    """
    refused: dict[int, str] = {}
    same: list[tuple[Any, Any]] = []
    for _, group in rows.groupby(rows[ROW].map(contents), sort=False):
        if len(group) < 2:
            continue
        first = int(group[ROW].iloc[0])
        same.extend((group["key"].iloc[0], key) for key in group["key"].iloc[1:])
        contradictory = any(group[column].nunique() > 1 for column in labels)
        for row in group[ROW] if contradictory else group[ROW].iloc[1:]:
            reason = (
                "contradictory labels for the same content"
                if contradictory
                else f"{SAME_CONTENT} {first}"
            )
            refused[int(row)] = reason
    return refused, same


def check_share(refused: dict[int, str], selected: int, allowed: float, where: str) -> None:
    """Stop when too many rows were refused.

    Raises
    ------
    AvatarflowError
        With the number per reason; never a value of a row.
    """
    lost = sum(
        not reason.startswith(SAME_CONTENT) for reason in refused.values()
    )  # a repeat loses nothing
    if lost <= allowed * selected:
        return
    raise refuse(
        where,
        f"{len(refused)} of {selected} rows refused, over the limit of {allowed:.0%} ({reasons_in_words(refused)})",
        f"see refused.csv; {advice_on(refused)} or raise limits.max_refused_share",
    )


def advice_on(refused: dict[int, str]) -> str:
    """What to do about refused rows."""
    fitting = [
        text
        for reason, text in ADVICE.items()
        if any(each.startswith(reason) for each in refused.values())
    ]
    return ", ".join(fitting) or "correct the rows"


def reasons_in_words(refused: dict[int, str]) -> str:
    """How many rows were refused for what; never a value of a row."""
    reasons = (
        pd.Series(list(refused.values()))
        .str.replace(r"row \d+", "another row", regex=True)
        .value_counts()
    )
    return ", ".join(f"{count} x {reason}" for reason, count in reasons.items())


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
            return *nothing, "path leads outside the root"
        else:
            picture, _ = read_picture(path, limits)
    except PictureError as error:
        odd = advice_on_name(name or "") if str(error) == "no such file" else ""
        return *nothing, f"{error}: {odd}" if odd else str(error)
    size = (picture.shape[1], picture.shape[0])
    if int(picture.max()) - int(picture.min()) <= UNIFORM:
        return None, "", size, ONE_COLOUR  # six patients with a black picture would become one
    return (
        resize_square(picture, size_px, fit),
        hashlib.sha256(picture.tobytes()).hexdigest(),
        size,
        "",
    )
