"""Which sources fit an expression: `make sources SELECT="modality LIKE '%iris%'"`.

With `--unverified` (`UNVERIFIED=1`) values that no page supports count as well, and are named.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence

from avatarflow.core.errors import command, start
from avatarflow.intake.tables.filter_columns import names_column
from avatarflow.intake.tables.selection import select_rows

from .checks import FACTS, NOT_VERIFIED
from .entries import Source, read_catalogue
from .table import catalogue_table

log = logging.getLogger(__name__)
WHERE = "sources selection"


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
