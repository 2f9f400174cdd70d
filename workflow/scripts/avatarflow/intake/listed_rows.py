"""The rows that an entry selects, and who stands in each: not yet a picture is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.errors import refuse
from avatarflow.runs.context import Step

from .consent.register import WHAT as CONSENTS
from .fhir.people import read_people
from .patients.persons import FIELD, KEY, UNIT, flat_columns, identify, joined_in_bulk
from .patients.placeholders import codes_for_missing, words_for_missing
from .refusals import label_columns, oddities, refuse_labels
from .sources.labels import WHAT as LABELS
from .sources.labels import join_labels
from .sources.labels import label_columns as fhir_columns
from .sources.registry import source_of
from .sources.rows import REFUSED, Place
from .sources.withdrawn import Links, leave_out, read_withdrawn, withdrawn_rows
from .tables.manifest import EMBEDDED, ODDITIES, ROW
from .tables.selection import select_rows
from .tables.text_table import FILE

EYES_IF_THERE = ("eye_id",)  # the default of eye_columns, which nobody asked for


@dataclass(frozen=True)
class ListedRows:
    """What a source lists.

    Parameters
    ----------
    every : DataFrame
        All rows but those of withdrawn patients: rows that are not wanted may link patients of those that are.
    who : DataFrame
        Of every row: patient, unit and eye.
    selected : DataFrame
        The rows that pass `row_filter`, with the columns that are used and `who`.
    """

    every: pd.DataFrame
    who: pd.DataFrame
    selected: pd.DataFrame


def list_rows(
    entry: dict[str, Any], place: Place, more: list[str], withdrawn: str | None, step: Step
) -> ListedRows:
    """Read the rows of a source, leave withdrawn patients out, select, and warn of what looks odd.

    Parameters
    ----------
    entry : dict
        A `releases` or `audits` entry of the checked config.
    place : Place
        Where the rows come from.
    more : list of str
        Columns that are needed beside those of patients and labels.
    withdrawn : str, optional
        A list of withdrawn patients.

    Raises
    ------
    AvatarflowError
        For an unusable source, selection or list.
    """
    ids, conditions = entry["patient_id_columns"], label_columns(entry)
    columns = list(dict.fromkeys([*flat_columns(ids), *conditions, *more]))
    every, who = read_and_identify(entry, place, columns)
    if withdrawn:
        gone = rows_of_withdrawn(entry, place, every, who, withdrawn, step)
        every = leave_out(every, gone)
        if every.empty:
            raise refuse("withdrawn list", "every patient has withdrawn", "take the entry out")
        who = identify(every, ids, entry["eye_columns"])
    rows = select_rows(every, entry["row_filter"], "config row_filter")
    wanted = dict.fromkeys([ROW, FILE, EMBEDDED, *columns, FIELD])
    rows = rows[
        [column for column in wanted if column in rows.columns]
    ]  # no other can clash with those added here
    rows = rows.join(who[[KEY, UNIT]])
    step.info("%d pictures selected", len(rows))
    for warning in [
        *every.attrs[ODDITIES],
        *joined_in_bulk(every, ids, entry["eye_columns"], who[KEY]),
        *codes_for_missing(every, flat_columns(ids)),
        *words_for_missing(every, [name for name in ids if name not in entry["eye_columns"]]),
        *oddities(rows, conditions),
    ]:
        step.warning("%s", warning)
    return ListedRows(every, who, rows)


def refused_by_cells(listed: ListedRows, entry: dict[str, Any]) -> dict[int, str]:
    """Return the selected rows that are refused before a picture is read: by their labels, or by their source."""
    rows, own = listed.selected, listed.every.attrs.get(REFUSED, {})
    refused = refuse_labels(rows, label_columns(entry), entry.get("constant_per_person", []))
    return refused | {row: own[row] for row in rows[ROW] if row in own}


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
        rows = join_labels(rows, fhir, place.labels, place.folder)
    else:
        rows = source_of(place)(place, asked, if_there, entry["row_filter"])
    if taken := sorted({KEY, UNIT} & set(columns)):
        raise refuse(
            "config", f"a column is called '{taken[0]}'", "rename it: the name is reserved"
        )
    return rows, identify(rows, entry["patient_id_columns"], eye_columns)


def rows_of_withdrawn(
    entry: dict[str, Any],
    place: Place,
    every: pd.DataFrame,
    who: pd.DataFrame,
    path: str,
    step: Step,
) -> np.ndarray:
    """Find the rows of the patients of a list, and of those whom FHIR links to them: (n rows) bool."""
    listed = read_withdrawn(path, entry["patient_id_columns"])
    links = list(_links(entry, place)) if len(listed) else []
    gone, unmet = withdrawn_rows(every, who[KEY], listed, entry["patient_id_columns"], links)
    step.info("%d rows of withdrawn patients are left out", gone.sum())
    if unmet:
        step.warning("%d lines of the withdrawn list meet no row", unmet)
    return gone


def _links(entry: dict[str, Any], place: Place) -> Iterator[Links]:
    """Yield whom the FHIR files of an entry link, by the column that names their patients."""
    labels = entry.get("source", {}).get("fhir")
    if labels and place.labels:
        people = read_people(place.labels, labels["identifier_system"], LABELS, place.folder)
        yield Links(labels["patient_column"], people)
    if place.consents:
        consent = entry["consent"]
        people = read_people(place.consents, consent["identifier_system"], CONSENTS, place.folder)
        yield Links(consent["patient_column"], people)
