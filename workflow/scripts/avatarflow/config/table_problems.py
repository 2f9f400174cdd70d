"""What a schema cannot say of a table of labels: columns asked for twice, hierarchies that are none, a missing key."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

Problem = tuple[str, str, str]
LISTS = ("identifiers", "dates", "quasi_identifiers", "sensitive")
HIERARCHIES = ("intervals", "digits", "file")


def table_problems(where: str, entry: dict[str, Any]) -> Iterator[Problem]:
    """Name what contradicts itself in an entry of `tables`."""
    chosen = [name for name in ("manifest", "generate") if entry["source"][name] is not None]
    if len(chosen) != 1:
        found = " and ".join(chosen) or "none"
        yield f"{where}.source", f"found {found}", "give exactly one of manifest, generate"
    places: dict[str, list[str]] = {}
    for part in LISTS:
        for column in entry[part]:
            places.setdefault(column, []).append(part)
    for column, parts in places.items():
        if len(parts) > 1:
            found = f"column '{column}' is also in {', '.join(parts[:-1])}"
            yield f"{where}.{parts[-1]}", found, "name each column once"
    ids = [
        name
        for column in entry["patient_id_columns"]
        for name in ([column] if isinstance(column, str) else column)
    ]
    for part in ("dates", "quasi_identifiers", "sensitive"):
        for column in entry[part]:
            if column in ids:
                found = f"column '{column}' names the patient"
                yield f"{where}.{part}", found, "put it among identifiers, or take it out"
    if entry["key_file"] is None and (entry["identifiers"] or entry["dates"]):
        found = "none, and pseudonyms and shifted dates need a key"
        yield f"{where}.key_file", found, "name a file with one (openssl rand -hex 32)"
    for column, settings in entry["quasi_identifiers"].items():
        yield from _hierarchy_problems(f"{where}.quasi_identifiers.{column}", settings)


def _hierarchy_problems(where: str, settings: dict[str, Any]) -> Iterator[Problem]:
    given = [name for name in HIERARCHIES if settings[name]]
    if len(given) > 1:
        yield where, f"found {' and '.join(given)}", "give one of them"
    for narrow, wide in pairwise(settings["intervals"]):
        if wide <= narrow or abs(wide / narrow - round(wide / narrow)) > 1e-9:
            found = f"{wide:g} is no multiple of {narrow:g}"
            yield f"{where}.intervals", found, "let each width be a multiple of the one before"
    for more, fewer in pairwise(settings["digits"]):
        if fewer >= more:
            yield (
                f"{where}.digits",
                f"{fewer} behind {more}",
                "let each be fewer than the one before",
            )
