"""What a schema cannot say of a paper: entries that are not there, or lack what an item shows.

Imported while Snakemake parses: standard library only.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from avatarflow.papers.kinds import KINDS, READ_BENCHMARKS, RELEASES, SETTINGS, settings_of
from avatarflow.reads.removal.catalogue import kind_of

Problem = tuple[str, str, str]
MAPS = (RELEASES, READ_BENCHMARKS)
UNSCORED = "own_reads"
"""Kind of a benchmark without a truth: its tools have no scores."""


def paper_problems(where: str, paper: dict[str, Any], config: dict[str, Any]) -> Iterator[Problem]:
    """Name what the items of a paper ask for and cannot have."""
    for name, item in paper["items"].items():
        yield from _item_problems(f"{where}.items.{name}", item, config)


def _item_problems(where: str, item: dict[str, Any], config: dict[str, Any]) -> Iterator[Problem]:
    kind = KINDS[item["kind"]]
    for name in SETTINGS:
        if item[name] is not None and name not in kind.settings:
            yield f"{where}.{name}", f"{item['kind']} has no such setting", "take it out"
    for map_name in MAPS:
        if map_name != kind.of and item[map_name]:
            found = f"{item['kind']} shows none of them"
            yield f"{where}.{map_name}", found, f"take it out, and give {kind.of}"
    names = item[kind.of]
    if not kind.least <= len(names) <= kind.most:
        many = f"{kind.least}" if kind.least == kind.most else f"{kind.least} to {kind.most}"
        yield f"{where}.{kind.of}", f"found {len(names)}", f"give {many} for {item['kind']}"
    there = [name for name in names if name in config[kind.of]]
    for name in sorted(set(names) - set(there)):
        known = ", ".join(sorted(config[kind.of])) or "none"
        yield f"{where}.{kind.of}", f"no entry '{name}'; there are {known}", "name one of them"
    for name in there:
        yield from _entry_problems(where, item, name, config[kind.of][name])
    if item["kind"] == "generators":
        yield from _family_problems(where, {name: config[RELEASES][name] for name in there})


def _entry_problems(
    where: str, item: dict[str, Any], name: str, entry: dict[str, Any]
) -> Iterator[Problem]:
    """Name what an entry lacks for a kind of item."""
    if item["kind"] == "ratings":
        study = entry["reader_study"]
        if study is None:
            do = "give it one with the part origin and show_real"
            yield f"{where}.releases", f"release '{name}' has no reader_study", do
        elif "origin" not in study["parts"]:
            found = f"the reader_study of '{name}' does not ask what is synthetic"
            yield f"{where}.releases", found, "add origin to its parts"
    if item["kind"] == "samples":
        for column in settings_of(item)["columns"]:
            if column not in entry["conditions"]:
                known = ", ".join(entry["conditions"]) or "none"
                found = f"'{column}' is no condition of '{name}'; there are {known}"
                yield f"{where}.columns", found, "name conditions of all its releases"
    if item["kind"] == "read_removal" and kind_of(READ_BENCHMARKS, entry) == UNSCORED:
        found = f"'{name}' has own reads without a truth, and so no scores"
        yield f"{where}.read_benchmarks", found, "give own_reads.truth, or take the item out"


def _family_problems(where: str, releases: dict[str, Any]) -> Iterator[Problem]:
    """Name families that a comparison of generators has twice."""
    families = Counter(entry["generator"]["family"] for entry in releases.values())
    for family, count in families.items():
        if count > 1:
            found = f"{count} releases of the family {family}"
            yield f"{where}.releases", found, "name one release per family"
