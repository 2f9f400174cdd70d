"""The values that a column may have, as the config says: never as the data have them, which would give data away."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Integers
from avatarflow.core.errors import Problems
from avatarflow.intake.tables.filter_columns import composed
from avatarflow.intake.tables.manifest import ROW
from avatarflow.tables.hierarchies import as_value, plain, shown_rows

NUMBERS = {"intervals": [1]}  # cells are read as numbers, as for a hierarchy of intervals


@dataclass(frozen=True)
class Domain:
    """The texts that a column may have in the synthetic table, in order, and the ends of its intervals if it has some.

    A cell is one of the texts, or a number in one of the intervals.
    """

    column: str
    texts: tuple[str, ...]
    edges: tuple[Decimal, ...] = ()

    @classmethod
    def of(cls, column: str, settings: Mapping[str, Any]) -> "Domain":
        """Take a column's domain from the config: `values` or `edges`, and `empty`."""
        edges = tuple(Decimal(str(edge)) for edge in settings["edges"])
        texts = [composed(value).strip() for value in settings["values"]]
        texts += [f"[{plain(low)}, {plain(high)})" for low, high in pairwise(edges)]
        return cls(column, (*texts, *([""] if settings["empty"] else [])), edges)

    def code(self, cell: str | None) -> int:
        """Return the place of a cell's text; -1 where the domain has none for it."""
        text = composed(cell or "").strip()
        if text and self.edges:
            number = as_value(cell, NUMBERS)
            if number is None or not self.edges[0] <= Decimal(number) < self.edges[-1]:
                return -1
            return bisect_right(self.edges, Decimal(number)) - 1
        return self.texts.index(text) if text in self.texts else -1


def coded(domains: Sequence[Domain], cells: Mapping[str, Sequence[str | None]]) -> Integers:
    """(rows, columns) the code of each cell; -1 where it is outside of the domain."""
    columns = [[domain.code(cell) for cell in cells[domain.column]] for domain in domains]
    return np.array(columns, np.int64).reshape(len(domains), -1).T


def coded_rows(rows: pd.DataFrame, domains: Sequence[Domain], where: str) -> Integers:
    """(rows, columns) as `coded`; cells outside of their domain are refused.

    Raises
    ------
    AvatarflowError
        For all columns at once.
    """
    codes = coded(domains, {domain.column: list(rows[domain.column]) for domain in domains})
    problems = Problems()
    for domain, column in zip(domains, codes.T, strict=True):
        if outside := [int(row) for row in rows.loc[column < 0, ROW]]:
            found = f"{len(outside)} cells outside of it ({shown_rows(outside)})"
            do = "correct them, or add what may be there by what is known of such data"
            problems.add(f"{where}.marginals.domains.{domain.column}", found, do)
    problems.raise_if_any()
    return codes


def one_row_each(patients: Integers, codes: Integers) -> Integers:
    """(patients, columns) the first row of each patient, in the order of the domains, so that the source's is nothing.

    It hangs on no row of another patient: one patient more or less is one row more or less.
    """
    order = np.lexsort((*codes.T[::-1], patients))
    _, first = np.unique(patients[order], return_index=True)
    chosen: Integers = codes[order][first]
    return chosen
