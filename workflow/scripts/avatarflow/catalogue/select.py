"""Which sources fit an expression: `make sources SELECT="modality LIKE '%iris%'"`.

The catalogue becomes a table that the row filter of manifests can select from. With `--unverified` (`UNVERIFIED=1`)
values that no page supports count as well, and are named.
"""

import argparse
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from avatarflow.core.errors import command, start
from avatarflow.intake.tables.filter_columns import names_column
from avatarflow.intake.tables.manifest import ROW
from avatarflow.intake.tables.selection import select_rows

from .checks import FACTS, NOT_VERIFIED, USE_CASES
from .entries import Source, read_catalogue

log = logging.getLogger(__name__)
WHERE = "sources selection"
NUMBERS = ("patients", "items", "size_gb")
TEXTS = (
    "name", "indication", "modality", "identity", "laterality", "sex", "licence", "conditions", "derivatives",
    "access", "anonymity", "format", "metadata_standard", "address", "looked_at",
)  # fmt: skip


def select_sources(
    sources: Sequence[Source], expression: str, unverified: bool = False
) -> list[Source]:
    """Return the sources for which an SQL expression over the columns of the catalogue holds.

    Parameters
    ----------
    sources : sequence of Source
    expression : str
        As `row_filter` of a release; it can run no code. Empty: every source.
    unverified : bool
        Whether values that no page supports count.

    Raises
    ------
    AvatarflowError
        If the expression is not one, or keeps nothing.
    """
    table = select_rows(catalogue_table(sources, unverified), expression, WHERE, row_is="source")
    chosen = set(table["id"])
    return [source for source in sources if source.identifier in chosen]


def described(source: Source, expression: str) -> Iterator[str]:
    """Yield the lines that describe a source: what it is, and what of the expression is open."""
    entry = source.entry
    n_patients = f"{entry['patients']} patients" if entry["patients"] is not None else "patients"
    facts = {
        "patients": n_patients,
        "access": entry["access"] or "access",
        "licence": entry["licence"] or "licence",
        "derivatives": f"derivatives {entry['derivatives'] or ''}".strip(),
    }
    marked = (
        text if source.is_verified(key) else f"{text} ({NOT_VERIFIED})"
        for key, text in facts.items()
    )
    yield f"{source.identifier}: {entry['name']}"
    yield f"    {', '.join(marked)}"
    yield f"    {entry['address']}"
    named = [key for key in FACTS if not source.is_verified(key) and names_column(expression, key)]
    if named:
        yield f"    selected by what is not verified: {', '.join(named)}"


@command
def main(arguments: Sequence[str]) -> None:
    """Show the sources that an expression keeps; the exit status is 2 where it keeps none."""
    parser = argparse.ArgumentParser(prog="avatarflow.catalogue.select", description=__doc__)
    parser.add_argument("expression", nargs="?", default="")
    parser.add_argument("--unverified", action="store_true")
    options = parser.parse_args(arguments)
    sources = read_catalogue()
    chosen = select_sources(sources, options.expression, options.unverified)
    for source in chosen:
        for line in described(source, options.expression):
            log.info("%s", line)
    log.info("%d of %d sources", len(chosen), len(sources))


if __name__ == "__main__":
    start(main)


def catalogue_table(sources: Iterable[Source], unverified: bool = False) -> pd.DataFrame:
    """Return one row per source, lists as text with commas.

    Parameters
    ----------
    sources : iterable of Source
    unverified : bool
        Whether values that no page supports count. Otherwise they are empty, so that no
        comparison keeps a source for them, `<>` neither.

    Returns
    -------
    DataFrame
        Columns `id`, `area`, the keys of an entry, one per use case with its grade (empty where
        the use case takes other data), and `unverified`.
    """
    rows = [
        {ROW: place, **_cells(source, unverified)} for place, source in enumerate(sources, start=1)
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(NUMBERS, "Float64"))


def _cells(source: Source, unverified: bool) -> dict[str, Any]:
    """Return the row of one source."""
    entry = source.entry
    values = {
        key: entry[key] if unverified or source.is_verified(key) else None
        for key in (*NUMBERS, *TEXTS)
    }
    grades = {use_case: entry["fitness"].get(use_case, {}).get("grade") for use_case in USE_CASES}
    return {
        "id": source.identifier,
        "area": source.area,
        **{key: _cell(value) for key, value in values.items()},
        **grades,
        "unverified": ", ".join(entry["unverified"]),
    }


def _cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value
