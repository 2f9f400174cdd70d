"""Rows of a source: a table like that of a manifest, which the rest of intake reads without asking where from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from avatarflow.core.paths import data_path
from avatarflow.intake.tables.filter_columns import absent_columns
from avatarflow.intake.tables.manifest import ODDITIES, ROW, check_columns
from avatarflow.intake.tables.text_table import FILE

REFUSED = "refused"
"""Where `attrs` of a table holds why the source itself refuses rows, by row number."""


@dataclass(frozen=True)
class Place:
    """What a source reads."""

    root: str
    """Folder that the pictures lie in."""
    manifest: str | None = None
    labels: Sequence[str] = ()
    """FHIR files with labels."""
    consents: Sequence[str] = ()
    """FHIR files with consents."""
    folder: str | None = None
    """Where what FHIR says lies while it is read, as for `Database`."""

    @classmethod
    def of(cls, entry: Mapping[str, Any], data_root: str | None) -> "Place":
        """Return what an entry's source reads, without asking a server."""
        source = entry["source"]
        labels = (source["fhir"] or {}).get("files", [])
        return cls(
            data_path(source["dicom"] or source["root"], data_root),
            data_path(source["manifest"], data_root) if source["manifest"] else None,
            [data_path(file, data_root) for file in labels],
            [data_path(file, data_root) for file in entry["consent"]["files"]],
        )

    @property
    def where(self) -> str:
        """What errors call it."""
        return f"manifest {Path(self.manifest).name}" if self.manifest else "DICOM folder"


class Source(Protocol):
    """Read every row of a source.

    `columns` must be there, `if_there` may be missing, and `row_filter` may name further ones; what
    is missing is named at once. Cells are text, empty ones None. Row numbers start at 1.
    """

    def __call__(
        self, place: Place, columns: list[str], if_there: Sequence[str], row_filter: str
    ) -> pd.DataFrame:
        """Return the rows."""
        ...


def as_rows(
    table: pd.DataFrame,
    asked: tuple[list[str], Sequence[str], str],
    where: str,
    odd: list[str],
    refused: Mapping[int, str],
) -> pd.DataFrame:
    """Return a table of text as the rows of a source.

    Parameters
    ----------
    table : DataFrame
        With the column `file`.
    asked : tuple
        `columns`, `if_there` and `row_filter`, as for `Source`.
    where : str
        What errors call the source.
    odd : list of str
        Sentences on what may not be meant.
    refused : mapping
        Why rows are refused, by number.

    Raises
    ------
    AvatarflowError
        For columns that are asked for and missing.
    """
    columns, if_there, row_filter = asked
    absent = absent_columns(table, row_filter) if row_filter.strip() else []
    do = f"correct the config: there are {', '.join(table.columns)}"
    check_columns(table, [FILE, *columns, *absent], if_there, {}, where, do)
    table = table.astype(object).where(table.notna() & (table != ""), None)
    table.insert(0, ROW, range(1, len(table) + 1))
    table.attrs[ODDITIES] = odd
    table.attrs[REFUSED] = dict(refused)
    return table
