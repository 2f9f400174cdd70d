"""Kinds of places on the host: repeats (lower case in its FASTA), chrM, sex chromosomes, and BED files of one's own."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from avatarflow.core.arrays import Mask
from avatarflow.core.errors import Problems, noting, refuse
from avatarflow.core.paths import replacing
from avatarflow.reads.donors.panel import origins, places
from avatarflow.reads.donors.sex import classes
from avatarflow.reads.simulation.library import unknown_runs
from avatarflow.runs.context import Step

from .genome import Genome, lines, opened, read_fasta
from .random_genomes import made_up_repeats

REPEAT = "repeat"
ELSEWHERE = "elsewhere"
N_CODE = 4
# Lower case as N and all else as known: then runs of one are found as runs of the other.
FROM_LOWER = bytes(N_CODE if chr(byte).islower() else 0 for byte in range(256))
SCHEMA = pa.schema(
    [("contig", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("region", pa.string())]
)

Row = tuple[str, int, int]


def lower_case(path: str | Path, genome: Genome) -> list[Row]:
    """Runs of lower case of a FASTA file on the host that was prepared from it (0-based, half-open)."""
    found, parts = {}, list[bytes]()
    name = ""
    with opened(path) as file:
        for _, line in lines(file, path):
            if line.startswith(b">"):
                found[name], parts = b"".join(parts), []
                name = line[1:].split()[0].decode("utf-8", "replace")
            else:
                parts.append(line.translate(FROM_LOWER))
    found[name] = b"".join(parts)
    rows = []
    for (contig, codes), (whole, before) in zip(genome.contigs(), origins(genome), strict=True):
        mask = np.frombuffer(found.get(whole, found.get(contig, b"")), np.uint8)[
            before : before + len(codes)
        ]
        starts, ends = unknown_runs(mask)
        rows += [(contig, int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
    return rows


def bed_rows(path: str | Path, genome: Genome) -> list[Row]:
    """Intervals of a BED file that lie on the host, cut at its ends.

    Raises
    ------
    AvatarflowError
        A line without three columns, or whose end is not behind its start (with file and line); none on the host.
    """
    known, rows = places(genome), []
    with opened(path) as file:
        for number, line in lines(file, path):
            if not line.strip() or line.startswith((b"#", b"track", b"browser")):
                continue
            try:
                contig, start, end = line.decode("utf-8", "replace").split("\t")[:3]
                first, last = int(start), int(end)
                if not 0 <= first < last:
                    raise ValueError
            except ValueError:
                found = "not contig, start and a larger end, with tabs between"
                raise refuse(f"{path} line {number}", found, "give a BED file") from None
            if contig in known:
                name, before, place = known[contig]
                first, last = max(first - before, 0), min(last - before, len(genome.contig(place)))
                rows += [(name, first, last)] if first < last else []
    if not rows:
        raise refuse(str(path), "no interval on the host", "give a BED file of this reference")
    return rows


def named_rows(genome: Genome) -> dict[str, list[Row]]:
    """Class to whole contigs, for chrM and the sex chromosomes, by their usual names."""
    found: dict[str, list[Row]] = {}
    for region, (contig, codes) in zip(classes(genome), genome.contigs(), strict=True):
        if region:
            found.setdefault(region, []).append((contig, 0, len(codes)))
    return found


def find_regions(
    host: str,
    reference: Mapping[str, Any],
    beds: Mapping[str, str],
    seed: int,
    output: str | Path,
    step: Step,
) -> None:
    """Write the table of regions: `contig`, `start`, `end` (0-based, half-open, on the prepared host), `region`.

    Parameters
    ----------
    host : path
        FASTA as prepared.
    reference : mapping
        `fasta` (None: the host was made up, and its repeats are known) and `generated_bp`.
    beds : mapping
        Class to BED file; one named `repeat` takes the place of the lower case.
    seed : int
        Of the made-up genome.
    output : path
    step : Step
    """
    genome = read_fasta(host)
    found = named_rows(genome)
    if reference["fasta"] is None:
        found[REPEAT] = [
            (genome.names[0], *span) for span in made_up_repeats(reference["generated_bp"], seed)
        ]
    elif REPEAT not in beds:
        found[REPEAT] = lower_case(reference["fasta"], genome)
    with Problems() as problems:
        for region, path in beds.items():
            with noting(problems):
                found[region] = bed_rows(path, genome)
    rows = [(*row, region) for region, own in sorted(found.items()) for row in _joined(own)]
    columns = zip(*rows, strict=True) if rows else [[] for _ in SCHEMA]
    table = pa.table([list(column) for column in columns], schema=SCHEMA)
    with replacing(output) as place:
        pq.write_table(table, place, compression="zstd")
    for region in found:
        step.info(
            "%s: %d bases",
            region,
            sum(end - start for _, start, end, name in rows if name == region),
        )


def _joined(rows: Iterable[Row]) -> list[Row]:
    """Sorted, with overlapping and touching intervals made one."""
    out: list[Row] = []
    for contig, start, end in sorted(rows):
        if out and out[-1][0] == contig and start <= out[-1][2]:
            out[-1] = (contig, out[-1][1], max(end, out[-1][2]))
        else:
            out.append((contig, start, end))
    return out


class Regions:
    """The table, to be asked where fragments lie."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self.names: Sequence[str] = sorted(set(table["region"]))

    @classmethod
    def read(cls, path: str | Path) -> "Regions":
        """From the file that `find_regions` wrote."""
        return cls(pq.read_table(path).to_pandas())

    def masks(
        self, contig: npt.NDArray[np.object_], place: npt.NDArray[np.int64]
    ) -> dict[str, Mask]:
        """Class to whether each place (0-based) lies in it; `elsewhere` is what lies in none of several."""
        found = {name: np.zeros(len(place), bool) for name in self.names}
        for (region, name), part in self.table.groupby(["region", "contig"]):
            here = np.flatnonzero(contig == name)
            starts, ends = part["start"].to_numpy(), part["end"].to_numpy()
            k = np.searchsorted(starts, place[here], side="right") - 1
            found[str(region)][here] = (k >= 0) & (place[here] < ends[np.maximum(k, 0)])
        if found:
            found[ELSEWHERE] = ~np.logical_or.reduce([*found.values()])
        return found
