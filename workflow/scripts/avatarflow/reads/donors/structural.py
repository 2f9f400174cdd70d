"""Structural variants of a donor: deletions, insertions, inversions, tandem duplications, moved segments.

All are written as full alleles (no symbolic ones), so that any tool can put them into the reference. They do not depend
on the level of small variation: fragments are drawn on the reference with these variants in it.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Codes
from avatarflow.core.errors import refuse
from avatarflow.core.seeds import generator
from avatarflow.reads.genomes.genome import LETTERS, Genome, N
from avatarflow.reads.simulation.sequencer import COMPLEMENT

from .variation import COLUMNS, Spans

KINDS = ("DEL", "INS", "INV", "DUP", "TRA")
TRIES = 100  # places looked at before a variant is given up
APART_BP = 100  # free bases between two structural variants, and around a panel's span


class Board:
    """Which parts of the genome are taken already."""

    def __init__(self, genome: Genome, outside: Spans) -> None:
        self.genome = genome
        self.taken = [
            [(first - APART_BP, end + APART_BP) for first, end in [outside[name]]]
            if name in outside
            else []
            for name in genome.names
        ]

    def find(self, random: np.random.Generator, size: int) -> tuple[int, int] | None:
        """Contig and anchor of `size` free, known bases behind the anchor; they are taken then."""
        for _ in range(TRIES):
            at = int(random.integers(len(self.genome.codes)))
            contig = int(np.searchsorted(self.genome.starts, at, side="right")) - 1
            at -= int(self.genome.starts[contig])
            codes, end = self.genome.contig(contig), at + size + 1
            free = all(
                end + APART_BP <= first or at - APART_BP >= last
                for first, last in self.taken[contig]
            )
            if free and end < len(codes) and not (codes[at:end] == N).any():
                self.taken[contig].append((at, end))
                return contig, at
        return None


def draw_structural(
    genome: Genome,
    settings: Mapping[str, Any],
    homozygous_share: float,
    seed: int,
    donor: str,
    outside: Spans,
) -> pd.DataFrame:
    """Draw a donor's structural variants.

    Parameters
    ----------
    genome : Genome
        The reference.
    settings : mapping
        `per_mb` (expected number per million bases), `min_bp` and `max_bp` (lengths, uniform in their logarithm).
    homozygous_share : float
        Share that both haplotypes carry.
    seed : int
        Seed of variation.
    donor : str
    outside : mapping of contig name to (first, last + 1)
        Spans that get none, because a panel speaks for them.

    Returns
    -------
    DataFrame
        As `variation.draw_variants`, with `kind`; a moved segment (`TRA`) is two rows, a deletion where it was and an
        insertion where it went, on the same haplotypes.

    Raises
    ------
    AvatarflowError
        If the longest length is below the shortest.
    """
    if settings["max_bp"] < settings["min_bp"]:
        raise refuse(
            "structural",
            "max_bp below min_bp",
            "give the longest a length of at least the shortest",
        )
    random = generator(seed, "structural", zlib.crc32(donor.encode()))
    board, rows = Board(genome, outside), []
    for _ in range(random.poisson(settings["per_mb"] * len(genome.codes) / 1e6)):
        kind = KINDS[int(random.integers(len(KINDS)))]
        size = int(
            np.exp(random.uniform(np.log(settings["min_bp"]), np.log(settings["max_bp"] + 1)))
        )
        both, first = random.random() < homozygous_share, bool(random.integers(2))
        for contig, at, ref, alt in _alleles(random, board, kind, size):
            copies = int(both or first), int(both or not first)
            rows.append((genome.names[contig], at, _text(ref), _text(alt), *copies, "rates", kind))
    return pd.DataFrame(rows, columns=[*COLUMNS, "kind"])


def _text(codes: Codes) -> str:
    return LETTERS[codes].tobytes().decode()


def _alleles(
    random: np.random.Generator, board: Board, kind: str, size: int
) -> list[tuple[int, int, Codes, Codes]]:
    """Contig, anchor, REF and ALT of each record of one variant; none where there is no room."""
    place = board.find(random, 0 if kind == "INS" else size)
    if place is None:
        return []
    contig, at = place
    codes = board.genome.contig(contig)
    anchor, segment = codes[at : at + 1], codes[at + 1 : at + 1 + size]
    whole = codes[at : at + 1 + size]
    if kind == "DEL":
        return [(contig, at, whole, anchor)]
    if kind == "INV":
        return [(contig, at, whole, np.concatenate([anchor, COMPLEMENT[segment[::-1]]]))]
    if kind == "DUP":
        return [(contig, at, anchor, whole)]
    if kind == "INS":
        new = random.integers(0, 4, size, np.uint8)
        return [(contig, at, anchor, np.concatenate([anchor, new]))]
    target = board.find(random, 0)
    if target is None:
        return []
    there = board.genome.contig(target[0])[target[1] : target[1] + 1]
    return [(contig, at, whole, anchor), (*target, there, np.concatenate([there, segment]))]


def with_structural(small: pd.DataFrame, structural: pd.DataFrame) -> pd.DataFrame:
    """Both tables, unsorted, with `kind`; small variants that touch a structural one are left out."""
    small = small.assign(kind="")
    keep = np.ones(len(small), bool)
    start = small["position"].to_numpy(np.int64)
    end = start + small["ref"].str.len().to_numpy(np.int64) if len(small) else start
    places = zip(structural["contig"], structural["position"], structural["ref"], strict=True)
    for contig, position, ref in places:
        touches = (start < int(position) + len(ref)) & (end > int(position))
        keep &= ~(touches & (small["contig"] == contig).to_numpy())
    return pd.concat(
        [part for part in (small[keep], structural) if len(part)] or [small], ignore_index=True
    )
