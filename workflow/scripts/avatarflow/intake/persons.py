"""Who is who: one run-local number per person, and one role per person."""

import re
import unicodedata
from collections.abc import Hashable, Sequence

import networkx as nx
import numpy as np
import pandas as pd

from avatarflow.core import seeds
from avatarflow.core.errors import refuse

TRAINED = ("encoder", "calibration", "test")
HELDOUT = "heldout"
FIELD = "field"
KEY, UNIT = "key", "unit"
ROLES = (*TRAINED, HELDOUT)
"""What persons are for: all but the held-out strangers are trained on and stand in the gallery."""


MISSING = frozenset(("", "na", "n/a", "nan", "none", "null", "nil", "-", "--", "?", "unknown", "unbekannt", "missing"))


def normalised(value: str | None) -> str | None:
    """An identifier as it is compared, or None where it says that there is none.

    Spellings that exports and spreadsheets mix become one: Unicode forms, blanks, case, leading zeros, `1.0` for `1`.
    Two patients who differ in nothing else are taken for one, the safe side: nobody is both trained on and held out.
    """
    if value is None:
        return None
    text = " ".join(unicodedata.normalize("NFKC", value).split()).casefold()
    if re.fullmatch(r"[0-9]+(\.0+)?", text):
        text = text.partition(".")[0].lstrip("0") or "0"
    return None if text in MISSING else text


PersonColumn = str | Sequence[str]
"""A column that names a person, or several that do so together (a site and its own numbers)."""


def flat_columns(columns: Sequence[PersonColumn]) -> list[str]:
    """Every single column."""
    return [name for column in columns for name in ([column] if isinstance(column, str) else column)]


def identify(table: pd.DataFrame, columns: Sequence[PersonColumn], eye_columns: list[str]) -> pd.DataFrame:
    """The name of each row's person and what kind of unit it is.

    Parameters
    ----------
    table : manifest rows
    columns : list of str or list of str
        The first that is not empty counts; several that name a person together are empty where one of them is.
    eye_columns : list of str
        Those that know only the eye.

    Returns
    -------
    DataFrame with `key` (column and value, None where every column is empty) and `unit` (`person` or `eye`).
    """
    key = pd.Series([None] * len(table), index=table.index, dtype=object)
    unit = pd.Series("person", index=table.index, dtype=object)
    for column in columns:
        names = [column] if isinstance(column, str) else list(column)
        parts = zip(*(table[name].map(normalised) for name in names), strict=True)
        label = "+".join(names)
        found = [None if any(pd.isna(part) for part in row) else (label, *row) for row in parts]
        open_ = key.isna()
        key = key.where(~open_, pd.Series(found, index=table.index, dtype=object))
        unit = unit.mask(open_ & key.notna() & (label in eye_columns), "eye")
    return pd.DataFrame({KEY: key.where(key.notna(), None), UNIT: unit}, index=table.index)


def number_persons(keys: Sequence[Hashable], same: Sequence[tuple[Hashable, Hashable]], seed: int) -> np.ndarray:
    """Run-local person numbers, 0-based and in random order so that they say nothing about the source.

    Parameters
    ----------
    keys : (n,)
        One per picture.
    same : pairs of keys
        Persons found to share a picture's content: they count as one.
    """
    graph = nx.Graph()
    graph.add_nodes_from(keys)
    graph.add_edges_from(same)
    groups = list(nx.connected_components(graph))
    order = {key: number for number, group in enumerate(groups) for key in group}
    shuffled = seeds.generator(seed, "person numbers").permutation(len(groups))
    return np.array([shuffled[order[key]] for key in keys], dtype=np.int64)


def name_eyes(table: pd.DataFrame, eye_columns: list[str]) -> "pd.Series[str]":
    """The name of each row's eye: the first eye column that is not empty; None where the eye is not known.

    A column whose names mostly stand under several patients (OD and OS, 1 and 2) numbers the eyes within a patient; its
    names are then those of patient and eye together.

    Parameters
    ----------
    table : manifest rows with `key`, as from `identify`
    """
    names = pd.Series([None] * len(table), index=table.index, dtype=object)
    for column in (column for column in eye_columns if column in table.columns):
        eyes = table[column].map(normalised).astype(object)
        known = eyes.notna()
        patients = pd.Series([None if key is None or key[0] == column else key for key in table["key"]], table.index)
        several = patients[known].groupby(eyes[known]).nunique()
        within = bool(len(several)) and (several > 1).mean() > 0.5
        label = [
            None if eye is None or eye != eye else (column, key if within else None, eye)
            for eye, key in zip(eyes, patients, strict=True)
        ]
        names = names.where(names.notna(), pd.Series(label, table.index, dtype=object))
    return names


def share_an_eye(table: pd.DataFrame, eyes: "pd.Series[str]") -> list[tuple[Hashable, Hashable]]:
    """Pairs of person keys whose rows name one eye: they are of one person."""
    known = eyes.notna() & table["key"].notna()
    groups = table.loc[known, "key"].groupby(eyes[known], sort=False)
    return [(keys.iloc[0], key) for _, keys in groups for key in keys.iloc[1:] if key != keys.iloc[0]]


def number_eyes(eyes: "pd.Series[str]") -> np.ndarray:
    """Run-local eye numbers (n,) of names as from `name_eyes`; -1 where the eye is not known."""
    return pd.factorize(eyes)[0].astype(np.int64)


def number_fields(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Run-local numbers of what part of the eye a picture shows, by a column `field`; -1 where it is empty.

    Without such a column, or with nothing in it, there is no such number: an empty mapping.
    """
    if FIELD not in table.columns or table[FIELD].isna().all():
        return {}
    return {FIELD: pd.factorize(table[FIELD])[0].astype(np.int64)}


def assign_roles(
    persons: np.ndarray, shares: dict[str, float], seed: int, given: Sequence[str | None] | None = None
) -> np.ndarray:
    """One role per picture, equal for all pictures of a person.

    Parameters
    ----------
    persons : (n,) int
        Run-local numbers.
    shares : dict
        Share of persons per role of `config.ROLES`.
    given : (n,) of `train` or `heldout`, optional
        A split that the manifest already has; the shares then divide its training persons.

    Raises
    ------
    AvatarflowError
        If a person is on both sides of the given split, or a given value is neither.
    """
    people = np.unique(persons)
    if given is None:
        return _by_share(people, {role: shares[role] for role in ROLES}, seed)[np.searchsorted(people, persons)]
    sides = np.array([value or "" for value in given])
    wrong = ~np.isin(sides, ["train", "heldout"])
    if wrong.any():
        raise refuse("split.column", f"{wrong.sum()} rows are neither train nor heldout", "use these two values")
    for_training = {person for person, side in zip(persons, sides, strict=True) if side == "train"}
    for_holding = {person for person, side in zip(persons, sides, strict=True) if side == "heldout"}
    both = for_training & for_holding
    if both:
        raise refuse("split.column", f"{len(both)} persons are on both sides", "keep each person on one side")
    trained = np.array(sorted(for_training))
    rest = {role: shares[role] for role in ROLES if role != "heldout"}
    scale = sum(rest.values()) or 1.0
    roles = _by_share(trained, {role: share / scale for role, share in rest.items()}, seed)
    out = np.full(len(persons), "heldout", dtype=object)
    inside = np.isin(persons, trained)
    out[inside] = roles[np.searchsorted(trained, persons[inside])]
    return out


def _by_share(people: np.ndarray, shares: dict[str, float], seed: int) -> np.ndarray:
    """Roles for a list of persons; counts are rounded so that they add up."""
    edges = np.round(np.cumsum([0.0, *shares.values()]) * len(people)).astype(int)
    edges[-1] = len(people)
    roles = np.empty(len(people), dtype=object)
    order = seeds.generator(seed, "roles").permutation(len(people))
    for role, low, high in zip(shares, edges[:-1], edges[1:], strict=True):
        roles[order[low:high]] = role
    return roles
