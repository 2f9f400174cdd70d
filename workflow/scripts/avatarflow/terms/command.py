"""`make terms PROFILES=folder` writes what FHIR profiles and protocols say can be asked for, and by which search."""

import argparse
import html
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.core.errors import command, start
from avatarflow.core.paths import write_text
from avatarflow.core.tables import write_table

from . import study, table
from .definitions import read_definitions
from .search_parameters import NO

log = logging.getLogger(__name__)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Index terms</title>
<style>
body {{ font: 14px sans-serif; margin: 1.5em }}
table {{ border-collapse: collapse }}
th, td {{ border: 1px solid #ccc; padding: 2px 6px; text-align: left; vertical-align: top; overflow-wrap: anywhere }}
th {{ background: #eee }}
</style></head><body>
<h1>Index terms</h1>
<p>What the profiles say themselves; what they inherit is in terms.tsv.</p>
{parts}
</body></html>
"""
SHOWN = ("element", "slice", "cardinality", "types", "must_support", "strength", "value_set", "fixed", "unit",
         "german", "english", "selected_by", "used_as")  # fmt: skip


def write_terms(folder: str | Path, out: str | Path) -> dict[str, int]:
    """Write `terms.tsv`, `study.tsv` and `terms.html`, and return how much there is of what.

    Raises
    ------
    AvatarflowError
        For everything that is wrong in the folder; nothing is then written.
    """
    definitions = read_definitions(folder)
    terms = table.terms_of(definitions)
    asked = study.study_rows(definitions, terms)
    rows = [term.row for term in terms]
    target = Path(out)
    write_table(pd.DataFrame(rows, columns=list(table.COLUMNS)), target / "terms.tsv")
    write_table(pd.DataFrame(asked, columns=list(study.COLUMNS)), target / "study.tsv")
    parts = [_part(url, rows) for url in definitions.profiles]
    if asked:
        parts.append(_table("Study protocol", study.COLUMNS, asked))
    write_text(target / "terms.html", PAGE.format(parts="\n".join(parts)))
    stated = [row for row in rows if row["stated"] == "yes"]
    return {
        "profiles": len(definitions.profiles),
        "elements": len(rows),
        "stated by the profiles": len(stated),
        "bindings stated": sum(bool(row["strength"]) for row in stated),
        "value sets not in the folder": len(
            {row["value_set"] for row in rows if "not in the folder" in row["more_codes"]}
        ),
        "stated that can be selected by": sum(
            not row["selected_by"].startswith(NO) for row in stated
        ),
        "items of study protocols": len(asked),
    }


def _part(url: str, rows: Sequence[dict[str, Any]]) -> str:
    own = [row for row in rows if row["profile"] == url and row["stated"] == "yes"]
    return _table(f"{own[0]['kind']}: {url}" if own else url, SHOWN, own)


def _table(title: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    heads = "".join(f"<th>{html.escape(column.replace('_', ' '))}</th>" for column in columns)
    lines = [
        "".join(f"<td>{html.escape(str(row[column]))}</td>" for column in columns) for row in rows
    ]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f"<h2>{html.escape(title)}</h2>\n<table><tr>{heads}</tr>\n{body}</table>"


@command
def main(arguments: Sequence[str]) -> None:
    """Write the terms; the exit status is 2 where something keeps them from being written."""
    parser = argparse.ArgumentParser(prog="avatarflow.terms.command", description=__doc__)
    parser.add_argument("--profiles", required=True)
    parser.add_argument("--out", default="results/terms")
    options = parser.parse_args(arguments)
    for name, count in write_terms(options.profiles, options.out).items():
        log.info("%d %s", count, name)
    log.info("%s", Path(options.out) / "terms.html")


if __name__ == "__main__":
    start(main)
