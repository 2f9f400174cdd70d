"""Bases at the panel's sites, from alignments: the true ones of simulated reads, or an aligner's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pysam

from avatarflow.core.arrays import Codes, Floats, Integers
from avatarflow.reads.genomes.genome import CODE_OF

from .observations import Observations
from .panel import Panel

LEAST_ERROR, MOST_ERROR = 1e-3, 0.75
SKIPPED = 0x904  # unmapped, secondary, supplementary


def _codes(sequence: str) -> Codes:
    return np.asarray(CODE_OF[np.frombuffer(sequence.encode(), np.uint8)])


def errors_of(qualities: Any) -> Floats:
    """Chances of error from Phred scores, kept within limits: no base is surer than 1 in 1,000."""
    return np.asarray(
        np.clip(10 ** (-np.asarray(qualities, np.float64) / 10), LEAST_ERROR, MOST_ERROR)
    )


def joined(parts: list[tuple[Integers, Integers, Codes, Floats]]) -> Observations:
    """Many reads' rows as one."""
    none = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0))
    rows = [none, *parts]
    return Observations.of(
        np.concatenate([row[0] for row in rows]), np.concatenate([row[1] for row in rows]),
        np.concatenate([row[2] for row in rows]), np.concatenate([row[3] for row in rows]),
    )  # fmt: skip


def aligned_observations(
    alignments: str | Path, panel: Panel, rows: Mapping[str, int], least_mapq: int = 0
) -> Observations:
    """What aligned reads show at the sites.

    Parameters
    ----------
    alignments : path
        SAM or BAM.
    panel : Panel
    rows : mapping
        Names of the fragments that count, and the numbers they get.
    least_mapq : int
        Reads below show nothing.
    """
    numbers = {name: number for number, name in enumerate(panel.contigs)}
    parts = []
    with pysam.AlignmentFile(str(alignments), check_sq=False) as file:
        for read in file:
            fragment, contig = rows.get(str(read.query_name)), numbers.get(str(read.reference_name))
            if (
                fragment is None
                or contig is None
                or read.flag & SKIPPED
                or read.query_sequence is None
            ):
                continue
            if read.mapping_quality < least_mapq:
                continue
            pairs = np.array(read.get_aligned_pairs(matches_only=True), np.int64).reshape(-1, 2)
            sites = _between(panel, contig, read.reference_start, read.reference_end or 0)
            where = np.searchsorted(pairs[:, 1], panel.position[sites])
            hit = where < len(pairs)
            hit[hit] = pairs[where[hit], 1] == panel.position[sites][hit]
            at = pairs[where[hit], 0]
            codes, qualities = _codes(read.query_sequence), read.query_qualities
            error = errors_of([20] * len(codes) if qualities is None else qualities)
            parts.append((np.full(len(at), fragment, np.int64), sites[hit], codes[at], error[at]))
    return joined(parts)


def _between(panel: Panel, contig: int, first: int, last: int) -> Integers:
    """Sites of one contig in [first, last); sites are sorted by contig and position."""
    low, high = np.searchsorted(panel.contig, [contig, contig + 1])
    start, end = np.searchsorted(panel.position[low:high], [first, last]) + low
    return np.arange(start, end, dtype=np.int64)
