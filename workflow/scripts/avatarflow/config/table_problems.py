"""What a schema cannot say of a table of labels: columns asked for twice, hierarchies that are none, a missing key."""

import math
import os
import unicodedata
from collections.abc import Iterator
from importlib import metadata
from itertools import pairwise
from typing import Any

Problem = tuple[str, str, str]
MBI, MBI_VERSION, MBI_PINS = "mbi", "2.0.0", "envs/marginals.txt"
"""What draws synthetic tables; it is not in the lock (decision 0072)."""
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
    if entry["marginals"] is not None:
        yield from _marginal_problems(where, entry)


def ledger_problems(config: dict[str, Any]) -> Iterator[Problem]:
    """Name synthetic tables with two ledgers or two limits, where nobody would see what was spent in all.

    Two manifests may hold the same patients, so what they are called does not matter.
    """
    first: tuple[str, str, float] | None = None
    for name, entry in config["tables"].items():
        if entry["marginals"] is None or entry["source"]["manifest"] is None:
            continue
        ledger, limit = os.path.realpath(entry["marginals"]["ledger"]), entry["gates"]["epsilon"]
        first = first or (name, ledger, limit)
        if ledger != first[1]:
            found = f"another ledger than that of '{first[0]}'"
            yield f"config tables.{name}.marginals.ledger", found, "name one for all"
        if limit != first[2]:
            found = f"{limit:g}, and {first[2]:g} in '{first[0]}', for one ledger"
            yield f"config tables.{name}.gates.epsilon", found, "write one for all"


def installed_version(package: str) -> str:
    """Return the version of a package that need not be there; empty where it is not."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


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


def _marginal_problems(where: str, entry: dict[str, Any]) -> Iterator[Problem]:
    """Name what a synthetic table cannot have, and columns without a domain."""
    here, part = f"{where}.marginals", entry["marginals"]
    if (version := installed_version(MBI)) != MBI_VERSION:
        found = f"{MBI} {version} is installed" if version else f"{MBI} is not installed"
        yield here, found, f"pip install --no-deps --requirement {MBI_PINS}, or take marginals out"
    for key in ("identifiers", "dates"):
        if entry[key]:
            yield f"{where}.{key}", "found beside marginals", "take it out: the rows are nobody's"
    if entry["row_filter"].strip():
        # how a column compares hangs on all its cells, so that one patient could change everybody's rows
        do = "take it out, and choose the rows before by what is known without them"
        yield f"{where}.row_filter", "found beside marginals", do
    if part["epsilon"] > entry["gates"]["epsilon"]:
        found = f"{part['epsilon']:g}, and gates.epsilon is {entry['gates']['epsilon']:g}"
        yield f"{here}.epsilon", found, "ask for less, or allow more"
    for column, settings in entry["quasi_identifiers"].items():
        if any(settings[name] for name in HIERARCHIES):
            found = "a hierarchy beside marginals"
            yield f"{where}.quasi_identifiers.{column}", found, "write {}, and say it in its domain"
    if len(entry["patient_id_columns"]) > 1:
        found = "several columns beside marginals: a row with two ids would join two other patients"
        yield f"{where}.patient_id_columns", found, "name one, or several in a list of their own"
    columns = [*entry["quasi_identifiers"], *entry["sensitive"]]
    for column in columns:
        if column not in part["domains"]:
            yield f"{here}.domains", f"none for column '{column}'", "say which values it may have"
    for place, chosen in enumerate(part["sets"], start=1):
        for column in sorted(set(chosen) - set(columns)):
            found = f"column '{column}' is neither a quasi-identifier nor sensitive"
            yield f"{here}.sets: set {place}", found, "name it there, or take it out"
    for column, domain in part["domains"].items():
        there = f"{here}.domains.{column}"
        if column not in columns:
            yield there, "neither a quasi-identifier nor sensitive", "name it there, or take it out"
        if bool(domain["values"]) == bool(domain["edges"]):
            found = "both values and edges" if domain["values"] else "neither values nor edges"
            yield there, found, "give one of them"
        if len({_spelled(value) for value in domain["values"]}) < len(domain["values"]):
            found = "two that are one number, or differ in blanks or in composed letters alone"
            yield f"{there}.values", found, "keep one"
        if len(domain["edges"]) == 1 or any(one >= two for one, two in pairwise(domain["edges"])):
            found = "ends that do not rise, or only one"
            yield f"{there}.edges", found, "write the ends of the intervals, each above the last"


def _spelled(value: str) -> str:
    """Return what two spellings of one value have in common: Parquet writes 1 as 1.0 where another row has 1.5."""
    text = unicodedata.normalize("NFC", value).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    return repr(number) if math.isfinite(number) else text
