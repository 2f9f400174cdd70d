"""The human fragments that were found in the cleaned reads: put on the reference, and held against a donor."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pysam

from avatarflow.core.errors import refuse
from avatarflow.reads.genomes.genome import Genome
from avatarflow.reads.risk.genetic_map import GeneticMap
from avatarflow.reads.risk.identity import bits, rank, sex_ratio
from avatarflow.reads.risk.match import Model, ratios_of
from avatarflow.reads.risk.panel import Panel
from avatarflow.reads.risk.placing import SKIPPED, aligned_observations
from avatarflow.runs.context import Step

from .spike_in import LONGEST_BP

SURE_MAPQ = 20
TOLD = np.log(19)  # nats from which one sex is 19 times as likely as the other: posterior .95


def align(
    host: str, reads: list[str], answer: Path, longest_bp: int, threads: int, step: Step
) -> None:
    """Put reads on the reference with minimap2, as SAM.

    Raises
    ------
    AvatarflowError
        If minimap2 is not there or fails: without places nothing can be measured, and nothing leaves.
    """
    preset = "sr" if longest_bp <= LONGEST_BP else "map-ont"
    command = ["minimap2", "-a", "-x", preset, "-t", str(threads), "-o", str(answer), host, *reads]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise refuse(
            "tool minimap2", "not found on PATH", "install it: it places the fragments found"
        ) from error
    for line in done.stderr.splitlines()[-5:]:
        step.info("minimap2: %s", line)
    if done.returncode:
        raise refuse(
            "tool minimap2",
            f"it ended with exit code {done.returncode}",
            "see its last lines in the log",
        )


@dataclass(frozen=True)
class Placed:
    """Which fragments lie on the panel's spans and on a Y chromosome, by name; `surely` aligned ones of them all."""

    on_panel: frozenset[str]
    on_y: frozenset[str]
    surely: int


def placed(alignments: Path, panel: Panel | None, y_contigs: list[str]) -> Placed:
    """Read the places; a Y counts only where the aligner is sure, since much of it has near copies elsewhere."""
    spans = {panel.contigs[number]: span for number, span in panel.spans().items()} if panel else {}
    inside, y, sure = set(), set(), set()
    with pysam.AlignmentFile(str(alignments), check_sq=False) as file:
        for read in file:
            if read.flag & SKIPPED:
                continue
            name, contig = str(read.query_name), str(read.reference_name)
            first, end = spans.get(contig, (0, 0))
            if read.reference_start < end and (read.reference_end or 0) > first:
                inside.add(name)
            if read.mapping_quality >= SURE_MAPQ:
                sure.add(name)
                if contig in y_contigs:
                    y.add(name)
    return Placed(frozenset(inside), frozenset(y), len(sure))


def measured_bits(
    alignments: Path,
    panel: Panel,
    names: list[str],
    settings: Mapping[str, Any],
    lengths: GeneticMap,
) -> dict[str, Any]:
    """Bits by which the found fragments single out the donor, the panel's last person; never below 0.

    Whoever holds the reads can drop doubtful places, so the larger of two readings counts: all alignments, and the
    sure ones. A donor whose VCF is not phased is held against one site per fragment: the mosaic model needs phase.
    """
    rows = {name: number for number, name in enumerate(names)}
    donor, found = len(panel.people) - 1, []
    for least in (0, SURE_MAPQ):
        observed = aligned_observations(alignments, panel, rows, least)
        ratios = ratios_of(observed, panel, donor, Model.of(settings), lengths)
        values = ratios.linked if panel.phased[donor] else ratios.product
        found.append((bits(float(values[donor])), rank(values, donor), observed.informative))
    best = max(found)
    model = "mosaic" if panel.phased[donor] else "one site per fragment"
    return {"bits": max(0.0, best[0]), "rank": best[1], "people": len(panel.people), "informative": best[2],
            "model": model}  # fmt: skip


def sex_shown(
    where: Placed, genome: Genome, y_contigs: list[str], bleed_through: float
) -> dict[str, Any] | None:
    """What the fragments found say of the donor's sex; None where the reference has no Y.

    `told` is male, female or nothing; `bits` above 0 speak for male.
    """
    sizes = dict(zip(genome.names, np.diff(genome.starts).tolist(), strict=True))
    y = sum(size for name, size in sizes.items() if name in y_contigs)
    if not y:
        return None
    share = y / (2 * (sum(sizes.values()) - y) + y)
    nats = sex_ratio(len(where.on_y), max(where.surely, len(where.on_y)), share, bleed_through)
    told = "nothing" if abs(nats) < TOLD else "male" if nats > 0 else "female"
    return {
        "y_fragments": len(where.on_y),
        "fragments": where.surely,
        "bits": bits(nats),
        "told": told,
    }
