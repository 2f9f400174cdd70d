"""Read a table of labels and check all of it: every problem is named before anything is written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Integers
from avatarflow.core.errors import Problems, noting
from avatarflow.intake.identifiers import normalised
from avatarflow.intake.patients.persons import KEY, flat_columns, identify, joined_in_bulk
from avatarflow.intake.patients.placeholders import codes_for_missing, words_for_missing
from avatarflow.intake.tables.manifest import ODDITIES, ROW, read_manifest
from avatarflow.intake.tables.selection import select_rows
from avatarflow.runs.context import Step

from .criteria import ORDERED
from .dates import FIRST_YEAR, LAST_YEAR, day_of
from .generated import generated_labels
from .hierarchies import Hierarchy, build, checked_values, shown_rows

NAMING = 0.5  # more different values a patient than this name patients


@dataclass(frozen=True)
class Labels:
    """A table that was checked.

    `rows` holds the selected rows as text. `patients` (rows,) numbers the patients from 0, in the order of
    `identities` (patients,), so that the order of the rows changes nothing. `cells` are those of each
    quasi-identifier as its hierarchy knows them. `others` holds the same for persons of the population who are not in
    the table, with the number of each row's person.
    """

    rows: pd.DataFrame
    patients: Integers
    identities: list[str]
    cells: dict[str, list[str]]
    hierarchies: dict[str, Hierarchy]
    others: tuple[Integers, dict[str, list[str]]] | None = None


def read_labels(
    entry: Mapping[str, Any], paths: Mapping[str, Any], where: str, seed: int, step: Step
) -> Labels:
    """Read the rows that an entry asks for.

    Parameters
    ----------
    entry : mapping
        Of the checked config.
    paths : mapping
        `manifest` (None draws patients), `hierarchies` (one for each quasi-identifier whose hierarchy is a file, or
        None), `population` (None where there is none).
    where : str
        What errors call the entry.
    seed : int
    step : Step

    Raises
    ------
    AvatarflowError
        For columns that are not there or stand twice, rows without a patient, cells that are no number or no day,
        values that a hierarchy does not cover, and a k above the number of patients; all that can be are named at once.
    """
    ids, quasi = flat_columns(entry["patient_id_columns"]), list(entry["quasi_identifiers"])
    used = [*entry["identifiers"], *entry["dates"], *quasi, *entry["sensitive"]]
    every = _read(paths["manifest"], [*ids, *used], entry, seed)
    population = paths["population"] and read_manifest(
        paths["population"], [*ids, *quasi], files=False
    )
    both = every if population is None else pd.concat([every, population], ignore_index=True)
    keys = identify(both, entry["patient_id_columns"], [])[KEY]
    rows = select_rows(every, entry["row_filter"], f"{where}.row_filter", "row")
    for warning in [
        *every.attrs[ODDITIES],
        *joined_in_bulk(every, entry["patient_id_columns"], [], keys[: len(every)]),
        *codes_for_missing(every, ids),
        *words_for_missing(every, entry["patient_id_columns"]),
    ]:
        step.warning("%s", warning)
    problems = Problems()
    key_of = keys[: len(every)].set_axis(every.index)[rows.index]
    if len(nobody := rows.loc[key_of.isna(), ROW]):
        found = f"{len(nobody)} rows without a patient ({shown_rows(list(nobody))})"
        problems.add(where, found, "name their patients, or leave them out by row_filter")
    _check_cells(rows, entry, where, problems)
    has_classes = entry["marginals"] is None  # a synthetic table has none, and publishes no cell
    if has_classes:
        _check_sensitive(rows, key_of, entry, where, problems)
    if population is not None:
        absent = len(set(key_of.dropna()) - set(keys[len(every) :]))
        if absent:
            found = f"{absent} patients of the table are not in it"
            do = "give the persons whom the patients come from, these among them, with their ids"
            problems.add(f"{where}.population", found, do)
    others = None if population is None else population[~keys[len(every) :].isin(key_of).to_numpy()]
    values, hierarchies = _hierarchies(
        rows, population, entry, paths["hierarchies"], where, problems
    )
    known = key_of.dropna().nunique()
    if has_classes and entry["gates"]["k_anonymity"] > known:
        found = f"k {entry['gates']['k_anonymity']}, and {known} patients"
        problems.add(
            f"{where}.gates.k_anonymity", found, "set a smaller one, or take more patients"
        )
    problems.raise_if_any()
    patients, identities = _numbered(every, keys[: len(every)], key_of, ids)
    if others is None:
        return Labels(rows, patients, identities, values, hierarchies)
    persons = keys[len(every) :].set_axis(population.index)[others.index]
    # a row of the population that names nobody is a person of its own
    alone = persons.where(persons.notna(), [f"row {row}" for row in others[ROW]])
    cells = {
        name: checked_values(others[name], others[ROW], settings, where, problems)
        for name, settings in entry["quasi_identifiers"].items()
    }
    numbers = pd.factorize(alone)[0].astype(np.int64)
    return Labels(rows, patients, identities, values, hierarchies, (numbers, cells))


def _read(
    path: str | None, columns: list[str], entry: Mapping[str, Any], seed: int
) -> pd.DataFrame:
    if path is None:
        return generated_labels(entry["source"]["generate"]["patients"], seed)
    return read_manifest(path, list(dict.fromkeys(columns)), (), entry["row_filter"], files=False)


def _check_cells(
    rows: pd.DataFrame, entry: Mapping[str, Any], where: str, problems: Problems
) -> None:
    """Note dates that are none, and ordered values that are no numbers."""
    # a day that the shift may move out of the years that are known could not be measured
    earliest, latest = date(FIRST_YEAR, 1, 1).toordinal(), date(LAST_YEAR, 12, 31).toordinal()
    shift = entry["date_shift_days"]
    for column in entry["dates"]:
        days = [day_of(cell) if cell else 0 for cell in rows[column]]
        known = zip(rows[ROW], days, strict=True)
        if odd := [
            row
            for row, day in known
            if day and not earliest <= day - shift <= day + shift <= latest
        ]:
            found = f"{len(odd)} days within {shift} days of {FIRST_YEAR} or {LAST_YEAR} ({shown_rows(odd)})"
            do = "correct them, or leave them empty where they stand for an unknown day"
            problems.add(f"{where}.dates: column '{column}'", found, do)
        wrong = [row for row, day in zip(rows[ROW], days, strict=True) if day is None]
        if wrong:
            found = f"{len(wrong)} cells that are no day ({shown_rows(wrong)})"
            problems.add(f"{where}.dates: column '{column}'", found, "write 2026-12-01 or 20261201")
    for column, settings in entry["sensitive"].items():
        if settings["distance"] == ORDERED:
            here = f"{where}.sensitive.{column}"
            other = "take equal as distance"
            checked_values(rows[column], rows[ROW], {"intervals": [1]}, here, problems, other)


def _check_sensitive(
    rows: pd.DataFrame,
    key_of: "pd.Series[Any]",
    entry: Mapping[str, Any],
    where: str,
    problems: Problems,
) -> None:
    """Note sensitive columns that name patients, or that say again what a generalised column says.

    They are published as they are, and the search would meet the gates on them by generalising everything else.
    """
    for column, settings in entry["sensitive"].items():
        here = f"{where}.sensitive.{column}"
        cells = rows[column].map(normalised)
        known = cells.notna() & key_of.notna()
        values, patients = cells[known].nunique(), key_of[known].nunique()
        # measurements may well be different for each patient; whole numbers are ids or dates then
        is_measured = (
            settings["distance"] == ORDERED and not cells[known].str.fullmatch(r"-?\d+").all()
        )
        if patients > 1 and values > NAMING * patients and not is_measured:
            found = f"{values} different values of {patients} patients, which can name them"
            problems.add(
                here, found, "put it among identifiers, generalise it before, or leave it out"
            )
        for other in entry["quasi_identifiers"]:
            pairs = pd.DataFrame({"one": cells[known], "other": rows.loc[known, other]})
            sizes = {pairs["one"].nunique(), pairs["other"].nunique(), len(pairs.drop_duplicates())}
            if len(sizes) == 1 and values > 2:
                found = f"each value stands for one of quasi-identifier '{other}'"
                problems.add(here, found, "name one of the two columns")


def _hierarchies(
    rows: pd.DataFrame,
    population: pd.DataFrame | None,
    entry: Mapping[str, Any],
    files: Sequence[str] | None,
    where: str,
    problems: Problems,
) -> tuple[dict[str, list[str]], dict[str, Hierarchy]]:
    """Return values and hierarchy of each quasi-identifier; what cannot be used is noted."""
    values, hierarchies = {}, {}
    with_file = [name for name, part in entry["quasi_identifiers"].items() if part["file"]]
    paths = dict(zip(with_file, files or [], strict=True))
    for column, settings in entry["quasi_identifiers"].items():
        here = f"{where}.quasi_identifiers.{column}"
        before = len(problems.lines)
        values[column] = checked_values(rows[column], rows[ROW], settings, here, problems)
        every = list(values[column])
        if population is not None:
            there = f"{where}.population: column '{column}'"
            every += checked_values(population[column], population[ROW], settings, there, problems)
        if len(problems.lines) == before:
            with noting(problems):
                hierarchies[column] = build(column, settings, every, paths.get(column), here)
    return values, hierarchies


def _numbered(
    every: pd.DataFrame, keys: "pd.Series[Any]", chosen: "pd.Series[Any]", ids: Sequence[str]
) -> tuple[Integers, list[str]]:
    """Number the patients by their identity: the first of what all their rows say of them, as it is compared."""
    cells = pd.DataFrame({name: every[name].map(normalised) for name in ids}).astype(object)
    said = [
        json.dumps([cell or "" for cell in row])
        for row in cells.where(cells.notna(), None).to_numpy()
    ]
    identity = pd.Series(said).groupby(keys.to_numpy()).min()
    wanted = chosen.map(identity)
    identities = sorted(set(wanted))
    place = {text: number for number, text in enumerate(identities)}
    return np.array([place[text] for text in wanted], np.int64), identities
