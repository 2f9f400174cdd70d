"""Who is who: one run-local number per person, and one role per person."""

from collections.abc import Hashable, Iterable, Sequence

import networkx as nx
import numpy as np
import pandas as pd
from networkx.utils import UnionFind

from avatarflow.core import seeds
from avatarflow.core.errors import refuse
from avatarflow.intake.identifiers import normalised, spelled

from .eyes import name_eyes, within_patients

TRAINED = ("encoder", "calibration", "test")
HELDOUT = "heldout"
FIELD = "field"
KEY, UNIT, EYE = "key", "unit", "eye"
BULK = 0.05  # the share of identifiers that may be joined to others without a warning
ROLES = (*TRAINED, HELDOUT)
"""What persons are for: all but the held-out subjects are trained on and stand in the gallery."""

PersonColumn = str | Sequence[str]
"""A column that names a person, or several that do so together (a site and its own numbers)."""
Node = tuple[str, ...]
"""An identifier: its columns and its values."""


def flat_columns(columns: Sequence[PersonColumn]) -> list[str]:
    """Every single column."""
    return [
        name for column in columns for name in ([column] if isinstance(column, str) else column)
    ]


def identify(
    table: pd.DataFrame, columns: Sequence[PersonColumn], eye_columns: Sequence[str]
) -> pd.DataFrame:
    """Say who stands in each row of a manifest: all identifiers that stand together in one row are of one person.

    Names of single eyes join their rows, too. Names that number the eyes within a patient (`eyes.within_patients`)
    identify nobody.

    Parameters
    ----------
    table : every row of the manifest
        Also those that are not wanted: they may be what links the others.
    columns : list of str or list of str
        Those that name a person; several that do so together are empty where one of them is.
    eye_columns : list of str
        Those that know only the eye; those that the table lacks are left out.

    Returns
    -------
    DataFrame
        `key` (int, None where no column identifies anybody), `unit` (`person`, or `eye` where only eyes are known of
        whoever it is) and `eye` (as from `eyes.name_eyes`).
    """
    eyes = {column: _values(table, column) for column in eye_columns if column in table.columns}
    alone = [column for column in columns if isinstance(column, str) and column in eyes]
    named = {_parts(column): _nodes(table, column) for column in columns if column not in alone}
    patients = _joined(_by_row(named.values(), len(table)))
    within = {
        column: within_patients(values, pd.Series(patients, table.index))
        for column, values in eyes.items()
    }
    single = {
        column: [None if eye is None or eye in within[column] else (column, eye) for eye in values]
        for column, values in eyes.items()
    }
    joined = _joined(_by_row([*named.values(), *single.values()], len(table)))
    identifying = _by_row([*named.values(), *(single[column] for column in alone)], len(table))
    key = [group if nodes else None for group, nodes in zip(joined, identifying, strict=True)]
    said = _by_row(
        [nodes for parts, nodes in named.items() if not set(parts) & set(eyes)], len(table)
    )
    known = {group for group, nodes in zip(key, said, strict=True) if nodes}
    unit = ["person" if group is None or group in known else "eye" for group in key]
    found = pd.DataFrame({KEY: key, UNIT: unit}, index=table.index, dtype=object)
    return found.assign(**{EYE: name_eyes(eyes, within, found[KEY])})


def joined_in_bulk(
    table: pd.DataFrame,
    columns: Sequence[PersonColumn],
    eye_columns: Sequence[str],
    key: "pd.Series[int]",
) -> list[str]:
    """Say in counts where many identifiers of one column are joined to fewer persons: seldom is that meant."""
    said = []
    for column in (each for each in columns if not set(_parts(each)) & set(eye_columns)):
        pairs = (
            pd.DataFrame({"node": _nodes(table, column), KEY: key.to_numpy()})
            .dropna()
            .drop_duplicates()
        )
        values, persons = len(pairs), pairs[KEY].nunique()
        if values - persons > max(1, BULK * values):
            label, most = "+".join(_parts(column)), pairs[KEY].value_counts().max()
            said.append(
                f"{values} values of {label} count as {persons} persons (up to {most} as one), since other columns join"
                " them; take a column that identifies nobody out of patient_id_columns and eye_columns, and put"
                " columns that name a person together in a list of their own"
            )
    return said


def _values(table: pd.DataFrame, column: str) -> "pd.Series[str]":
    """A column's values as they are compared, None where there is none."""
    known = {value: normalised(value) for value in table[column].unique()}
    return pd.Series([known[value] for value in table[column]], index=table.index, dtype=object)


def _parts(column: PersonColumn) -> tuple[str, ...]:
    return tuple(flat_columns([column]))


def _nodes(table: pd.DataFrame, column: PersonColumn) -> list[Node | None]:
    """What a column, or several together, say of each row: columns and values, None where a value is missing."""
    names = _parts(column)
    rows = zip(*(_values(table, name) for name in names), strict=True)
    return [None if None in row else (*names, *row) for row in rows]


def _by_row(nodes: Iterable[Sequence[Node | None]], count: int) -> list[list[Node]]:
    """The nodes of each row that are there."""
    rows = list(zip(*nodes, strict=True)) or [()] * count
    return [[node for node in row if node is not None] for row in rows]


def _joined(rows: Sequence[Sequence[Node]]) -> list[int | None]:
    """Number the groups of nodes that rows link, in the order of the rows; None for a row without nodes."""
    groups = UnionFind()
    for nodes in rows:
        if nodes:
            groups.union(*nodes)
    order: dict[Node, int] = {}
    return [order.setdefault(groups[nodes[0]], len(order)) if nodes else None for nodes in rows]


def number_persons(
    keys: Sequence[Hashable], same: Sequence[tuple[Hashable, Hashable]], seed: int
) -> np.ndarray:
    """Run-local person numbers, 0-based and in random order so that they say nothing about the source.

    Parameters
    ----------
    keys : (n,)
        One per picture.
    same : pairs of keys
        Persons found to share a picture: they count as one; some may stand in no picture of these.
    """
    graph = nx.Graph()
    graph.add_nodes_from(keys)
    graph.add_edges_from(same)
    here = set(keys)
    groups = [
        group for group in nx.connected_components(graph) if group & here
    ]  # others only link them
    order = {key: number for number, group in enumerate(groups) for key in group}
    shuffled = seeds.generator(seed, "person numbers").permutation(len(groups))
    return np.array([shuffled[order[key]] for key in keys], dtype=np.int64)


def number_fields(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Run-local numbers of what part of the eye a picture shows, by a column `field`; -1 where it is empty.

    Without such a column, or with nothing in it, there is no such number: an empty mapping.
    """
    if FIELD not in table.columns or table[FIELD].isna().all():
        return {}
    return {FIELD: pd.factorize(table[FIELD])[0].astype(np.int64)}


def assign_roles(
    persons: np.ndarray,
    shares: dict[str, float],
    seed: int,
    given: Sequence[str | None] | None = None,
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
        If a given value is neither.
    """
    people = np.unique(persons)
    if given is None:
        return _by_share(people, {role: shares[role] for role in ROLES}, seed)[
            np.searchsorted(people, persons)
        ]
    sides = np.array([value or "" for value in given])
    wrong = ~np.isin(sides, ["train", "heldout"])
    if wrong.any():
        raise refuse(
            "split.column",
            f"{wrong.sum()} rows are neither train nor heldout",
            "use these two values",
        )
    trained = np.unique(persons[sides == "train"])
    rest = {role: shares[role] for role in ROLES if role != "heldout"}
    scale = sum(rest.values()) or 1.0
    roles = _by_share(trained, {role: share / scale for role, share in rest.items()}, seed)
    out = np.full(len(persons), "heldout", dtype=object)
    inside = np.isin(persons, trained)
    out[inside] = roles[np.searchsorted(trained, persons[inside])]
    return out


def refuse_both_sides(
    keys: Sequence[Hashable],
    sides: Sequence[str | None],
    same: Sequence[tuple[Hashable, Hashable]],
) -> None:
    """Refuse a split that has a person on both sides.

    Parameters
    ----------
    keys, sides : (n,)
        Of every row of the manifest: what is unreadable or not selected says as well who was trained on.
    same : pairs of keys
        Persons who count as one.

    Raises
    ------
    AvatarflowError
        With the number of such persons.
    """
    graph = nx.Graph()
    graph.add_edges_from(same)
    said: dict[Hashable, set[str]] = {}
    for key, side in zip(keys, sides, strict=True):
        if key is not None and side:
            graph.add_node(key)
            said.setdefault(key, set()).add(spelled(side))
    both = sum(
        {"train", "heldout"} <= set().union(*(said.get(key, set()) for key in group))
        for group in nx.connected_components(graph)
    )
    if both:
        found = f"{both} persons are on both sides"
        raise refuse("split.column", found, "keep each person on one side, in every row")


def _by_share(people: np.ndarray, shares: dict[str, float], seed: int) -> np.ndarray:
    """Roles for a list of persons; counts are rounded so that they add up."""
    edges = np.round(np.cumsum([0.0, *shares.values()]) * len(people)).astype(int)
    edges[-1] = len(people)
    roles = np.empty(len(people), dtype=object)
    order = seeds.generator(seed, "roles").permutation(len(people))
    for role, low, high in zip(shares, edges[:-1], edges[1:], strict=True):
        roles[order[low:high]] = role
    return roles
