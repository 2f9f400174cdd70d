"""Patients who have withdrawn: their rows are left out as if they had never been there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from avatarflow.core.errors import refuse
from avatarflow.intake.patients.persons import PersonColumn, flat_columns
from avatarflow.intake.tables.containers import unpacked
from avatarflow.intake.tables.manifest import ROW
from avatarflow.intake.tables.text_table import read_text
from avatarflow.intake.tables.time_columns import TIMES, TimeColumns

from ..consent.gate import ConsentFiles
from ..fhir.people import People
from ..identifiers import normalised
from .rows import REFUSED, Place

WHERE = "withdrawn list"


@dataclass(frozen=True)
class IntakeInputs:
    """What intake reads."""

    place: Place
    consents: ConsentFiles | None = None
    withdrawn: str | None = None
    """The list of patients who have withdrawn."""


@dataclass(frozen=True)
class Links:
    """Whom FHIR links to whom, and the column of the rows that names these patients."""

    column: str
    people: People

    def rows_of(self, rows: pd.DataFrame, values: Iterable[str | None]) -> np.ndarray:
        """Find the rows of patients who are linked to some identifiers: (n rows) bool.

        The identifiers themselves find nothing: they may be of another hospital's patient, too.
        """
        given = {value for value in values if isinstance(value, str)}
        linked = set().union(*(self.people.linked(value) - {value, None} for value in given))
        if not linked:
            return np.zeros(len(rows), bool)
        return rows[self.column].map(normalised).isin(linked).to_numpy(bool)


def read_withdrawn(path: str | Path, columns: Sequence[PersonColumn]) -> pd.DataFrame:
    """Read the list of patients: a table whose header names columns of `patient_id_columns`.

    Parameters
    ----------
    path : path
        Text in UTF-8; empty cells do not count.
    columns : list of str or list of str
        The columns that may be named; those that name a patient together stand in a line together.

    Returns
    -------
    DataFrame
        Identifiers as they are compared; what is no str is none.

    Raises
    ------
    AvatarflowError
        If it cannot be read, names another column, or has a line that names nobody, or somebody by a
        part of what names a patient together: such a line may mean several patients, or none.
    """
    try:
        table = read_text(unpacked(Path(path).read_bytes(), WHERE), WHERE)
    except OSError:
        raise refuse(WHERE, "it cannot be read", "check its path and its rights") from None
    names, known = list(table.columns), flat_columns(columns)
    if strange := [place for place, name in enumerate(names, start=1) if name not in known]:
        found = f"column {strange[0]} is none of patient_id_columns"
        raise refuse(WHERE, found, f"let the header name some of {', '.join(known)}")
    if len(set(names)) < len(names):
        raise refuse(WHERE, "one column twice", "take one out")
    compared = table.map(normalised)
    nobody = [place for place, row in enumerate(compared.notna().any(axis=1), start=1) if not row]
    if nobody:
        found = f"row {nobody[0]} names nobody"
        raise refuse(WHERE, found, "take it out, or write the identifier")
    for place, (_, line) in enumerate(compared.iterrows(), start=1):
        filled = {name for name in names if isinstance(line[name], str)}
        if filled - {name for whole in _filled(line, columns) for name in whole}:
            found = f"row {place} has only a part of what names a patient together"
            raise refuse(WHERE, found, "fill all columns of patient_id_columns that go together")
    return compared


def _filled(line: "pd.Series[Any]", columns: Sequence[PersonColumn]) -> Iterator[list[str]]:
    """Yield the columns that name a patient, alone or together, where a line fills all of them."""
    for column in columns:
        names = flat_columns([column])
        # not by `is None`: pandas may make NaN of it
        if all(isinstance(line.get(name), str) for name in names):
            yield names


def withdrawn_rows(
    rows: pd.DataFrame,
    key: "pd.Series[Any]",
    listed: pd.DataFrame,
    columns: Sequence[PersonColumn],
    links: Sequence[Links] = (),
) -> tuple[np.ndarray, int]:
    """Find the rows of patients who have withdrawn: each identifier of a line is enough.

    A patient whom FHIR links to another record has withdrawn under both: nobody can tell which of
    the two the list means, and both may be the one.

    Parameters
    ----------
    rows : every row of a source
    key : (n rows)
        Who stands in each, as from `persons.identify`: all rows of a patient go, whatever names him there.
    listed : DataFrame
        As from `read_withdrawn`.
    columns : list of str or list of str
        Those that name a patient; several that do so together count together, and only whole.
    links : list of Links
        Whom FHIR links to whom.

    Returns
    -------
    (n rows) bool, and how many lines of the list meet no row.
    """
    cells = {name: rows[name].map(normalised) for name in listed.columns}
    gone, unmet = np.zeros(len(rows), bool), 0
    for _, line in listed.iterrows():
        hit = np.zeros(len(rows), bool)
        for named in _filled(line, columns):
            alike = [(cells[name] == line[name]).to_numpy(bool) for name in named]
            hit |= np.logical_and.reduce(alike)
        for one in links:
            hit |= one.rows_of(rows, [line.get(one.column)])
        unmet += not hit.any()
        gone |= hit
    before = -1
    while before != gone.sum():  # a row may name a record that is linked to a further one
        before = gone.sum()
        gone |= key.isin(set(key[gone].dropna())).to_numpy(bool)
        for one in links:
            gone |= one.rows_of(rows, rows[one.column][gone].map(normalised))
    return gone, unmet


def leave_out(rows: pd.DataFrame, gone: np.ndarray) -> pd.DataFrame:
    """Return the rows that stay, numbered as if the others had never been there."""
    kept = rows[~gone].reset_index(drop=True)
    old = kept[ROW].to_numpy()
    kept[ROW] = np.arange(1, len(kept) + 1)
    attrs = dict(rows.attrs)
    new: Mapping[int, int] = dict(zip(old.tolist(), kept[ROW].tolist(), strict=True))
    attrs[REFUSED] = {new[row]: why for row, why in attrs.get(REFUSED, {}).items() if row in new}
    if times := attrs.get(TIMES):
        places = pa.array(old - 1)
        attrs[TIMES] = TimeColumns(
            {name: column.take(places) for name, column in times.columns.items()}
        )
    kept.attrs = attrs
    return kept
