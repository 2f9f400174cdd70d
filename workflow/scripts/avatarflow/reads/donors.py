"""What a benchmark's donors may be. Imported while Snakemake parses: standard library only."""

from collections.abc import Iterator, Mapping
from typing import Any


def donor_problems(name: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What a schema cannot say about donors: where, what was found, what to do."""
    people = entry["coalescent"]["people"]
    taken: dict[int, str] = {}
    for donor, part in entry["donors"].items():
        where = f"config read_benchmarks.{name}.donors.{donor}"
        panel, simulated = part["panel"], part["coalescent"]
        if panel and simulated:
            yield where, "both panel and coalescent", "give one of them, or neither for variants from rates alone"
        if panel and (panel["sample"] is None) != panel["mosaic"]:
            found = "neither sample nor mosaic" if panel["sample"] is None else "both sample and mosaic"
            yield f"{where}.panel", found, "name a sample, or set mosaic: true"
        if not simulated:
            continue
        person = simulated["person"]
        if person > people:
            yield f"{where}.coalescent.person", f"{person} where there are {people} people", "raise coalescent.people"
        if person in taken:
            found = f"the person of {taken[person]} again"
            yield f"{where}.coalescent.person", found, "give every donor a person of their own"
        taken.setdefault(person, donor)
