"""The pool: every selected picture judged fit or refused with a reason, at working size, by person and role."""

import itertools
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Integers
from avatarflow.core.errors import refuse
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.spool import Chosen, Spool, Stored
from avatarflow.runs.context import Step

from .consent.gate import Gate, columns_of, open_gate
from .listed_rows import ListedRows, list_rows, refused_by_cells
from .patients.copies import (
    persons_of_one_file,
    refuse_copies,
    saved_again,
    shared_rows,
    warn_of_shared,
)
from .patients.eyes import number_eyes
from .patients.persons import (
    EYE,
    KEY,
    assign_roles,
    number_fields,
    number_persons,
    refuse_both_sides,
)
from .reading import Size, read_all, refuse_missing_root
from .refusals import (
    advice_on,
    contradictions,
    label_columns,
    reasons_in_words,
)
from .sources.withdrawn import IntakeInputs
from .tables.manifest import ROW

DRAWN_AT_ONCE = 512


@dataclass
class Pool:
    """Pictures (n, size, size, 3) and their rows: `item`, `row`, `person`, `role`, `unit`, `eye`, and the labels."""

    pictures: Stored
    table: pd.DataFrame
    refused: dict[int, str] = field(default_factory=dict)  # manifest row -> reason
    # manifest row -> width and height of the file's picture
    sizes: dict[int, Size] = field(default_factory=dict)
    # manifest rows: one picture under two persons
    shared: list[tuple[int, int]] = field(default_factory=list)
    # where the entry checks consents
    gate: Gate | None = None
    # rows that the entry selects, counted before any is refused
    asked: int = 0


def pool_from_manifest(
    entry: dict[str, Any],
    inputs: IntakeInputs,
    seed: int,
    processes: int,
    step: Step,
    folder: str | None = None,
) -> Pool:
    """Read, check and divide the pictures of a manifest, or of another source of rows.

    Parameters
    ----------
    entry : dict
        A `releases` or `audits` entry of the checked config.
    inputs : IntakeInputs
        Where the rows come from; consents, labels and withdrawals where the entry names some.
    processes : int
        How many pictures are decoded at once; the result does not depend on it.
    folder : str, optional
        Where the pictures lie until they are written, as raw bytes, and what FHIR says of patients: in files
        without a name.

    Raises
    ------
    AvatarflowError
        For an unusable manifest, selection, split or consent file; refused rows are returned, not raised.
    """
    conditions = label_columns(entry)
    constant: list[str] = entry.get("constant_per_person", [])
    given = [entry["split"]["column"]] if entry["split"]["column"] else []
    place, root = replace(inputs.place, folder=folder), inputs.place.root
    refuse_missing_root(root, "root" if place.manifest else "source.dicom")
    consents = inputs.consents if inputs.consents and inputs.consents.files else None
    gate = None
    if consents:
        gate = open_gate(entry["consent"], replace(consents, folder=folder), step)
        place = replace(place, consents=consents.files)
    more = [*constant, *given, *(columns_of(entry["consent"]) if gate else [])]
    listed = list_rows(entry, place, more, inputs.withdrawn, step)
    every, who, rows = listed.every, listed.who, listed.selected

    refused = refused_by_cells(listed, entry)
    fit = rows[~rows[ROW].isin(refused)]
    spool = Spool(folder, entry["size_px"])
    places, contents, sizes, unreadable = read_all(fit, root, entry, processes, step, spool.append)
    refused |= unreadable
    seen = dict.fromkeys(places, "") | unreadable
    fit = fit[~fit[ROW].isin(refused)]
    copies, same = refuse_copies(fit, contents, list(conditions))
    refused |= copies
    kept = fit[~fit[ROW].isin(refused)]
    _refuse_nothing(kept, refused, place.where)

    listed_twice = _listed_twice(listed, root, entry, processes, step, seen)
    again = saved_again(Chosen(spool, [places[row] for row in kept[ROW]]), kept)
    same += listed_twice + [(kept[KEY].iloc[i], kept[KEY].iloc[j]) for i, j in again]
    rows_again = [(int(kept[ROW].iloc[i]), int(kept[ROW].iloc[j])) for i, j in again]
    if gate:
        # only now is it known who is one patient: one refusal counts for all that share a picture
        barred = gate.refused(every, who[KEY], same, rows[ROW])
        refused |= barred
        fit, kept = fit[~fit[ROW].isin(barred)], kept[~kept[ROW].isin(barred)]
        _refuse_nothing(kept, refused, place.where)
    numbers = number_persons(list(fit[KEY]), same, seed)[fit[ROW].isin(kept[ROW]).to_numpy()]
    # rows that a picture joins to one person may contradict each other, too
    if contrary := contradictions(kept, pd.Series(numbers, kept.index), constant):
        refused |= contrary
        agreeing = ~kept[ROW].isin(contrary).to_numpy()
        kept, numbers = kept[agreeing], numbers[agreeing]
        _refuse_nothing(kept, refused, place.where)
    if given:
        refuse_both_sides(list(who[KEY]), list(every[given[0]]), same)
    table = _divided(kept, numbers, number_eyes(who.loc[kept.index, EYE]), entry, seed)
    shared = [*shared_rows(fit, contents), *rows_again]
    warn_of_shared(shared, step)
    pictures = Chosen(spool, [places[row] for row in kept[ROW]])
    kept_sizes = {row: sizes[row] for row in kept[ROW]}
    return Pool(pictures, table, refused, kept_sizes, shared, gate, asked=len(rows))


def _divided(
    kept: pd.DataFrame, persons: Integers, eyes: Integers, entry: dict[str, Any], seed: int
) -> pd.DataFrame:
    """Return the table of the pool; the split's column gives the roles where the entry names one."""
    split = entry["split"]
    sides = list(kept[split["column"]]) if split["column"] else None
    return pd.DataFrame(
        {
            "item": np.arange(len(kept)),
            "row": kept[ROW].to_numpy(np.int64),
            "person": persons,
            "role": assign_roles(persons, split["shares"], seed, sides),
            "unit": kept["unit"].to_numpy(),
            "eye": eyes,
            **number_fields(kept),
            **{column: kept[column].to_numpy() for column in label_columns(entry)},
        }
    )


def _listed_twice(
    listed: ListedRows,
    root: str,
    entry: dict[str, Any],
    processes: int,
    step: Step,
    seen: dict[int, str],
) -> list[tuple[Hashable, Hashable]]:
    """Return the patients under whom one file is listed; what is listed beside the selection is read for it."""

    def why_unread(rows: pd.DataFrame) -> dict[int, str]:
        return read_all(rows, root, entry, processes, step, lambda picture: 0)[3]

    found = persons_of_one_file(
        listed.every.assign(**{KEY: listed.who[KEY]}), root, seen, why_unread
    )
    if found:
        step.warning("%d times a file is listed under two persons, who count as one", len(found))
    return found


def _refuse_nothing(kept: pd.DataFrame, refused: dict[int, str], where: str) -> None:
    """Stop where no picture is left, and say for what they were refused."""
    if kept.empty:
        found = f"no usable picture is left ({reasons_in_words(refused)})"
        raise refuse(where, found, advice_on(refused))


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
        pictures.extend(block)
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
    return Pool(pictures, table, asked=len(pairs))
