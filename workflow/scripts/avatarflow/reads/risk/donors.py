"""The donors of a benchmark in their panels: people of it, or mosaics of its haplotypes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from avatarflow.reads.donors.mosaic import Mosaic
from avatarflow.reads.donors.panel import origins
from avatarflow.reads.genomes.genome import Genome

from .genetic_map import GeneticMap
from .panel import Panel, read_panel

LEAST_SHARE = 0.5  # of the panel must be left to stand for the population


@dataclass(frozen=True)
class Donor:
    """A donor of the benchmark in a panel."""

    panel: Panel
    person: int
    lengths: GeneticMap


def read_donors(donors: Mapping[str, Any], genome: Genome, lengths: GeneticMap) -> dict[str, Donor]:
    """The donors that can be told apart from a panel's people; a panel is read once.

    Parameters
    ----------
    donors : mapping
        Name to `panel`: None, or `vcf` and `sample`; where `sample` is None, `seed` made the mosaic that the donor is.
    genome : Genome
    lengths : GeneticMap

    Returns
    -------
    dict
        Without the donors that have no panel, and without mosaics copied from so many people that too few are left.
    """
    panels: dict[str, Panel] = {}
    found = {}
    for name, donor in donors.items():
        settings = donor["panel"]
        if settings is None:
            continue
        panel = panels.get(settings["vcf"]) or read_panel(settings["vcf"], genome)
        panels[settings["vcf"]] = panel
        if settings["sample"] is not None:
            found[name] = Donor(panel, panel.index(settings["sample"], settings["vcf"]), lengths)
        elif (
            enlarged := with_mosaic(panel, Mosaic(settings["seed"], name), origins(genome))
        ) is not None:
            found[name] = Donor(enlarged, len(enlarged.people) - 1, lengths)
    return found


def with_panels(
    donors: Mapping[str, Mapping[str, Any]], panels: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the donors with the path of their panel as `vcf`; `panels` has one for every donor with a panel."""
    named = [name for name, donor in donors.items() if donor["panel"]]
    joined = {name: dict(donor) for name, donor in donors.items()}
    for name, path in zip(named, panels, strict=True):
        joined[name]["panel"] = {**donors[name]["panel"], "vcf": path}
    return joined


def with_mosaic(panel: Panel, mosaic: Mosaic, origin: Sequence[tuple[str, int]]) -> Panel | None:
    """The panel with the mosaic as its last person and without the people whom it was copied from.

    Those would lend the donor's own haplotypes to everybody else. None when they are more than half of the panel.
    """
    mosaic.settle(panel.people, "panel")
    copied: set[int] = set()
    for number, (first, end) in panel.spans().items():
        contig, before = origin[number]
        copied |= mosaic.copied(contig, first + before, end + before)
    if len(panel.people) - len(copied) < max(2, LEAST_SHARE * len(panel.people)):
        return None
    own = np.empty((len(panel.position), 1, 2), np.uint8)
    for site, (number, at) in enumerate(zip(panel.contig, panel.position, strict=True)):
        contig, before = origin[number]
        calls = mosaic.at(contig, int(at) + before)
        own[site, 0] = [panel.alleles[site, person, side] for person, side in calls]
    rest = panel.without(sorted(copied))
    return replace(
        rest, people=(*rest.people, "mosaic"), alleles=np.concatenate([rest.alleles, own], axis=1),
        phased=np.append(rest.phased, True),
    )  # fmt: skip
