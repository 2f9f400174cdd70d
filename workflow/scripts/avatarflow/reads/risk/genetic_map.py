"""Genetic distances: from a map, or a constant rate where none is given."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.errors import refuse
from avatarflow.reads.donors.panel import places
from avatarflow.reads.genomes.genome import Genome, lines, opened

CONSTANT_CM_PER_MB = 1.0  # ASSUME: the human average where there is no map


@dataclass(frozen=True)
class GeneticMap:
    """Per contig number: positions (0-based) and centimorgans, both rising."""

    points: dict[int, tuple[Floats, Floats]]

    @classmethod
    def constant(cls) -> "GeneticMap":
        """1 cM per Mb everywhere."""
        return cls({})

    def centimorgans(self, contig: int, position: Integers) -> Floats:
        """Place of positions on the map; beyond its ends it goes on at the constant rate."""
        if contig not in self.points:
            return np.asarray(position * (CONSTANT_CM_PER_MB / 1e6))
        at, cm = self.points[contig]
        inside = np.interp(position, at, cm)
        beyond = np.minimum(position - at[0], 0) + np.maximum(position - at[-1], 0)
        return np.asarray(inside + beyond * (CONSTANT_CM_PER_MB / 1e6))

    def between(self, contig: Integers, position: Integers) -> Floats:
        """Morgans between neighbours of a list sorted by contig and position, infinite from contig to contig."""
        place = np.zeros(len(position))
        for number in np.unique(contig):
            place[contig == number] = self.centimorgans(int(number), position[contig == number])
        return np.where(contig[1:] != contig[:-1], np.inf, np.maximum(np.diff(place), 0) / 100)


def read_map(path: str | Path, genome: Genome) -> GeneticMap:
    """Read a map: a header, then lines of position (1-based), contig, centimorgans, as SHAPEIT's.

    Raises
    ------
    AvatarflowError
        A line without three such columns, positions that do not rise; with file and line.
    """
    known = places(genome)
    points: dict[int, list[tuple[float, float]]] = {}
    with opened(path) as file:
        for number, line in lines(file, path):
            if number == 1 or not line.strip():
                continue
            try:
                position, contig, cm = line.decode("utf-8", "replace").split()
                place, at, length = known.get(contig), int(position) - 1, float(cm)
            except ValueError as error:
                found = "not position, contig and centimorgans"
                raise refuse(
                    f"{path} line {number}", found, "give a map in SHAPEIT's form"
                ) from error
            if place is None:
                continue
            before = points.setdefault(place[2], [])
            if before and (at - place[1] <= before[-1][0] or length < before[-1][1]):
                raise refuse(
                    f"{path} line {number}", "a map that does not rise", "sort it by position"
                )
            before.append((at - place[1], length))
    return GeneticMap(
        {contig: (np.array(own)[:, 0], np.array(own)[:, 1]) for contig, own in points.items()}
    )
