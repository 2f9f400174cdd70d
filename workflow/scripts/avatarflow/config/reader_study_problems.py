"""What a schema cannot say of a reader study: parts that need real pictures, and columns that are no conditions.

Imported while Snakemake parses: standard library only.
"""

from collections.abc import Iterator
from typing import Any

NEEDS_REAL = ("origin", "similarity")


def reader_study_problems(where: str, entry: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name what a release's reader study asks for and cannot have."""
    study = entry["reader_study"]
    if study is None:
        return
    where = f"{where}.reader_study"
    needing = [part for part in NEEDS_REAL if part in study["parts"]]
    if needing and not study["show_real"]:
        found = f"{', '.join(needing)} without real pictures"
        yield f"{where}.parts", found, "set show_real: true if readers may see them, or take it out"
    if "origin" in study["parts"] and not study["real_pictures"]:
        yield f"{where}.real_pictures", "0, and origin asks about real pictures", "set 1 or more"
    if "clinical" in study["parts"]:
        yield from _clinical_problems(where, study, entry["conditions"])


def _clinical_problems(
    where: str, study: dict[str, Any], conditions: dict[str, Any]
) -> Iterator[tuple[str, str, str]]:
    unknown = [column for column in study["clinical_columns"] if column not in conditions]
    if unknown:
        known = ", ".join(conditions) or "none"
        found = f"{', '.join(unknown)}; conditions are {known}"
        yield f"{where}.clinical_columns", found, "name conditions, or set []"
    if not study["clinical_columns"] and not study["ask_disc"]:
        yield f"{where}.parts", "clinical asks nothing", "set ask_disc or clinical_columns"
