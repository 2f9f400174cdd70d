"""What a benchmark's donors and mixture may be. Imported while Snakemake parses: standard library only."""

from collections.abc import Iterator, Mapping
from typing import Any

RESERVED_TAXA = {"human", "junk", "unknown"}
"""What the host, random nanopore reads and microbes without a name are called in the strata."""


def donor_problems(name: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What a schema cannot say about donors: where, what was found, what to do."""
    people = entry["coalescent"]["people"]
    taken: dict[int, str] = {}
    for donor, part in entry["donors"].items():
        where = f"config read_benchmarks.{name}.donors.{donor}"
        panel, simulated = part["panel"], part["coalescent"]
        if panel and simulated:
            yield (
                where,
                "both panel and coalescent",
                "give one of them, or neither for variants from rates alone",
            )
        if panel and (panel["sample"] is None) != panel["mosaic"]:
            found = (
                "neither sample nor mosaic" if panel["sample"] is None else "both sample and mosaic"
            )
            yield f"{where}.panel", found, "name a sample, or set mosaic: true"
        if not simulated:
            continue
        person = simulated["person"]
        if person > people:
            yield (
                f"{where}.coalescent.person",
                f"{person} where there are {people} people",
                "raise coalescent.people",
            )
        if person in taken:
            found = f"the person of {taken[person]} again"
            yield f"{where}.coalescent.person", found, "give every donor a person of their own"
        taken.setdefault(person, donor)


def mixture_problems(name: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What a schema cannot say about who is in a sample: where, what was found, what to do."""
    where, microbes, depths = f"config read_benchmarks.{name}", entry["microbes"], entry["depths"]
    for taxon in sorted(set(microbes["genomes"]) & RESERVED_TAXA):
        yield (
            f"{where}.microbes.genomes.{taxon}",
            "a name that the scores give to something else",
            "give the microbe another name",
        )
    made_up = [f"microbe{number}" for number in range(1, microbes["generated"]["count"] + 1)]
    known = {*(microbes["genomes"] or made_up)}
    weights = [part["weight"] for part in microbes["genomes"].values()]
    if depths is not None:
        if unknown := sorted(set(depths["microbes"]) - known):
            yield (
                f"{where}.depths.microbes",
                f"unknown {', '.join(unknown)}",
                f"take some of {', '.join(sorted(known))}",
            )
        if not depths["host"] and not any(depths["microbes"].values()):
            yield f"{where}.depths", "no depth above 0", "give the host or a microbe some"
    elif weights and not any(weights) and entry["host_share"] < 1:
        yield (
            f"{where}.microbes.genomes",
            "every weight is 0",
            "give one more than 0, or set host_share: 1",
        )
    if unknown := sorted(set(entry["spike_ins"]) - known - {"human"}):
        found, do = (
            f"unknown {', '.join(unknown)}",
            f"take human or some of {', '.join(sorted(known))}",
        )
        yield f"{where}.spike_ins", found, do
