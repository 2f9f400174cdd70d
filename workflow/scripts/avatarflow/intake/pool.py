"""The pool: every selected picture judged fit or refused with a reason, at working size, by person and role."""

import itertools
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.errors import refuse
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.spool import Chosen, Spool, Stored
from avatarflow.runs.context import Step

from .consent.gate import Gate, columns_of, open_gate
from .copies import persons_of_one_file, refuse_copies, saved_again, shared_rows, warn_of_shared
from .eyes import number_eyes
from .manifest import EMBEDDED, ODDITIES, ROW
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
    refuse_both_sides,
)
from .placeholders import codes_for_missing, words_for_missing
from .reading import Size, read_all, refuse_missing_root
from .refusals import advice_on, label_columns, oddities, reasons_in_words, refuse_labels
from .selection import select_rows
from .sources.labels import join_labels
from .sources.labels import label_columns as fhir_columns
from .sources.registry import source_of
from .sources.rows import REFUSED, Place
from .sources.withdrawn import ClinicInputs, leave_out, read_withdrawn, withdrawn_rows
from .text_table import FILE

EYES_IF_THERE = ("eye_id",)  # the default of eye_columns, which nobody asked for
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


def pool_from_manifest(
    entry: dict[str, Any],
    manifest: str | None,
    root: str,
    seed: int,
    processes: int,
    step: Step,
    folder: str | None = None,
    inputs: ClinicInputs | None = None,
) -> Pool:
    """Read, check and divide the pictures of a manifest, or of another source of rows.

    Parameters
    ----------
    entry : dict
        A `releases` or `audits` entry of the checked config.
    manifest, root : str
        The table, None for DICOM files that say it themselves, and the folder its `file` column starts from.
    processes : int
        How many pictures are decoded at once; the result does not depend on it.
    folder : str, optional
        Where the pictures lie until they are written: as raw bytes in a file without a name.
    inputs : ClinicInputs, optional
        Consents, labels and withdrawals, where the entry names some.

    Raises
    ------
    AvatarflowError
        For an unusable manifest, selection, split or consent file; refused rows are returned, not raised.
    """
    conditions = label_columns(entry)
    constant: list[str] = entry.get("constant_per_person", [])
    given = [entry["split"]["column"]] if entry["split"]["column"] else []
    refuse_missing_root(root)
    inputs = inputs or ClinicInputs()
    consents = inputs.consents if inputs.consents and inputs.consents.files else None
    gate = open_gate(entry["consent"], consents, step) if consents else None
    columns = list(
        dict.fromkeys(
            [
                *flat_columns(entry["patient_id_columns"]),
                *conditions,
                *constant,
                *given,
                *(columns_of(entry["consent"]) if gate else []),
            ]
        )
    )
    place = Place(root, manifest, inputs.labels)
    every, who = read_and_identify(entry, place, columns)
    if inputs.withdrawn:
        every, who = without_withdrawn(entry, every, who, inputs.withdrawn, step)
    rows = select_rows(every, entry["row_filter"], "config row_filter")
    wanted = dict.fromkeys([ROW, FILE, EMBEDDED, *columns, FIELD])
    rows = rows[
        [column for column in wanted if column in rows.columns]
    ]  # no other can clash with those added here
    rows = rows.join(who[[KEY, UNIT]])
    step.info("%d pictures selected", len(rows))
    joined = joined_in_bulk(every, entry["patient_id_columns"], entry["eye_columns"], who[KEY])
    codes = codes_for_missing(every, flat_columns(entry["patient_id_columns"]))
    words = words_for_missing(
        every, [name for name in entry["patient_id_columns"] if name not in entry["eye_columns"]]
    )
    for warning in [*every.attrs[ODDITIES], *joined, *codes, *words, *oddities(rows, conditions)]:
        step.warning("%s", warning)

    refused = refuse_labels(rows, conditions, constant)
    own = every.attrs.get(REFUSED, {})
    refused |= {row: own[row] for row in rows[ROW] if row in own}
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
    again = saved_again(pictures, kept)
    same += [(kept[KEY].iloc[i], kept[KEY].iloc[j]) for i, j in again]
    rows_again = [(int(kept[ROW].iloc[i]), int(kept[ROW].iloc[j])) for i, j in again]
    if gate:
        # only now is it known who is one patient: one refusal counts for all that share a picture
        barred = gate.refused(every, who[KEY], same, rows[ROW])
        refused |= barred
        fit, kept = fit[~fit[ROW].isin(barred)], kept[~kept[ROW].isin(barred)]
        _refuse_nothing(kept, refused, place.where)
        pictures = Chosen(spool, [places[row] for row in kept[ROW]])
    numbers = number_persons(list(fit["key"]), same, seed)[fit[ROW].isin(kept[ROW]).to_numpy()]
    if given:
        refuse_both_sides(list(who[KEY]), list(every[given[0]]), same)
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
    warn_of_shared(shared, step)
    kept_sizes = {row: sizes[row] for row in kept[ROW]}
    return Pool(pictures, table, refused, kept_sizes, shared, gate)


def _refuse_nothing(kept: pd.DataFrame, refused: dict[int, str], where: str) -> None:
    """Stop where no picture is left, and say for what they were refused."""
    if kept.empty:
        found = f"no usable picture is left ({reasons_in_words(refused)})"
        raise refuse(where, found, advice_on(refused))


def read_and_identify(
    entry: dict[str, Any], place: Place, columns: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read every row of a source, and who stands in it: rows that are not wanted may link those that are.

    Raises
    ------
    AvatarflowError
        For a source that cannot be used, or lacks a column that the entry names.
    """
    eye_columns: list[str] = entry["eye_columns"]
    if_there = [name for name in eye_columns if name in EYES_IF_THERE]
    asked = [*columns, *(name for name in eye_columns if name not in if_there)]
    if fhir := entry.get("source", {}).get("fhir"):
        added = fhir_columns(fhir)
        own = [fhir[key] for key in ("patient_column", "acquired_column", "laterality_column")]
        asked = [name for name in [*asked, *filter(None, own)] if name not in added]
        # a filter may name columns that are joined later, and then names what is missing itself
        rows = source_of(place)(place, list(dict.fromkeys(asked)), if_there, "")
        rows = join_labels(rows, fhir, place.labels)
    else:
        rows = source_of(place)(place, asked, if_there, entry["row_filter"])
    if taken := sorted({KEY, UNIT} & set(columns)):
        raise refuse(
            "config", f"a column is called '{taken[0]}'", "rename it: the name is reserved"
        )
    return rows, identify(rows, entry["patient_id_columns"], eye_columns)


def without_withdrawn(
    entry: dict[str, Any], every: pd.DataFrame, who: pd.DataFrame, path: str, step: Step
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out the patients of a list, as if their rows had never been there."""
    listed = read_withdrawn(path, flat_columns(entry["patient_id_columns"]))
    gone, unmet = withdrawn_rows(every, who[KEY], listed, entry["patient_id_columns"])
    step.info("%d rows of withdrawn patients are left out", gone.sum())
    if unmet:
        step.warning("%d lines of the withdrawn list meet no row", unmet)
    rows = leave_out(every, gone)
    if rows.empty:
        raise refuse("withdrawn list", "every patient has withdrawn", "take the entry out")
    return rows, identify(rows, entry["patient_id_columns"], entry["eye_columns"])


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
    return Pool(pictures, table)
