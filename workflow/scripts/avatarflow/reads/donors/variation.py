"""Variants of a diploid individual, drawn position by position from rates.

Every position of the reference has its own numbers, whatever the level: a variant that is there at a low level is
there, the same, at every higher one.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.arrays import Codes, Integers, Mask
from avatarflow.core.seeds import generator
from avatarflow.reads.genomes.genome import LETTERS, Genome, N

COLUMNS = ["contig", "position", "ref", "alt", "allele1", "allele2", "part"]
BLOCK_BP = 1 << 20
INDEL_MAX_BP = 30

Spans = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Rates:
    """What kinds of variants there are; see the config schema for ranges."""

    indel_share: float = 0.1
    indel_mean_bp: float = 2.5
    homozygous_share: float = 0.35
    ti_tv: float = 2.1

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Rates":
        """From the config's `rates`."""
        return cls(**settings)

    def site_rate(self, level: float) -> float:
        """Share of positions with a variant, so that ONE haplotype differs at `level` of the positions."""
        return level / (1 - (1 - self.homozygous_share) / 2)


def draw_variants(
    genome: Genome, level: float, rates: Rates, seed: int, donor: str, outside: Spans | None = None
) -> pd.DataFrame:
    """Draw a donor's variants.

    Parameters
    ----------
    genome : Genome
        The reference.
    level : float
        Expected share of reference positions at which one haplotype carries a variant (SNP or anchored indel), before
        overlapping ones are dropped and N is left out.
    rates : Rates
    seed : int
        Seed of variation alone.
    donor : str
        Name of the donor; two donors of one seed differ.
    outside : mapping of contig name to (first, last + 1), optional
        0-based spans that get no drawn variants, because a panel speaks for them.

    Returns
    -------
    DataFrame
        `contig` (name), `position` (0-based), `ref`, `alt`, `allele1`, `allele2` (0 or 1), `part` (`rates`); sorted,
        without overlaps.
    """
    person = zlib.crc32(donor.encode())
    tables = []
    for number, (name, codes) in enumerate(genome.contigs()):
        first, last = (outside or {}).get(name, (0, 0))
        for block in range(-(-len(codes) // BLOCK_BP)):
            at, words, priority = _sites(
                len(codes), block, rates.site_rate(level), (seed, person, number)
            )
            # a deletion must not reach into the span
            kept = (at < first - INDEL_MAX_BP) | (at >= last)
            tables.append(described(name, codes, at[kept], words[kept], priority[kept], rates))
    drawn = (
        pd.concat(tables, ignore_index=True)
        if tables
        else pd.DataFrame(columns=[*COLUMNS, "priority"])
    )
    return without_overlaps(drawn)[COLUMNS]


def _sites(
    length: int, block: int, rate: float, item: tuple[int, int, int]
) -> tuple[Integers, npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
    """Positions of one block that vary, with 2 words of randomness each and their priority (low wins)."""
    seed, person, contig = item
    size = min(BLOCK_BP, length - block * BLOCK_BP)
    random = generator(seed, "variation", person, contig, block)
    priority = random.integers(0, 1 << 32, size, np.uint32)
    words = random.integers(0, 1 << 63, (size, 2), np.uint64)
    at = np.flatnonzero(priority < np.uint64(rate * (1 << 32)))
    return at + block * BLOCK_BP, words[at], priority[at]


def _unit(words: npt.NDArray[np.uint64], shift: int) -> npt.NDArray[np.float64]:
    """Sixteen bits of each word as a number in (0, 1)."""
    return (((words >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64) + 0.5) / 65536


def described(
    name: str,
    codes: Codes,
    at: Integers,
    words: npt.NDArray[np.uint64],
    priority: npt.NDArray[np.uint32],
    rates: Rates,
) -> pd.DataFrame:
    """What happens at each site, from its own words: kind, alternative base, length, zygosity, phase.

    Parameters
    ----------
    name : str
        Of the contig.
    codes : (length,)
        Its bases.
    at : (n,)
        Sites, 0-based; those that reach an N or the end of the contig get no row.
    words : (n, 2)
        Random bits of each site.
    priority : (n,)
        Goes into the column of that name; see `without_overlaps`.
    rates : Rates
    """
    fate, bases = words[:, 0], words[:, 1]
    kind, zygosity, length = _unit(fate, 0), _unit(fate, 16), _unit(fate, 32)
    indel = kind < rates.indel_share
    insertion = kind < rates.indel_share / 2
    shape = (
        np.floor(np.log(length) / np.log1p(-1 / max(rates.indel_mean_bp, 1.0 + 1e-9))).astype(
            np.int64
        )
        + 1
    )
    size = np.where(indel, np.clip(shape, 1, INDEL_MAX_BP), 0)
    end = at + 1 + np.where(indel & ~insertion, size, 0)
    usable = (end < len(codes)) & _clean(codes, at, end)
    first = (zygosity < rates.homozygous_share) | ((fate >> np.uint64(62)) & np.uint64(1) == 0)
    second = (zygosity < rates.homozygous_share) | ~first
    ref, alt = _alleles(codes, at, end, insertion, size, bases, rates)
    table = pd.DataFrame(
        {
            "contig": name, "position": at, "ref": ref, "alt": alt, "allele1": first.astype(np.int8),
            "allele2": second.astype(np.int8), "part": "rates", "priority": priority,
        }
    )  # fmt: skip
    return table[usable]


def _clean(codes: Codes, at: Integers, end: Integers) -> Mask:
    """True where no N lies in [at, end), base by base of these short stretches: memory does not follow `codes`."""
    known = np.ones(len(at), bool)
    for step in range(int((end - at).max(initial=0))):
        place = np.minimum(at + step, len(codes) - 1)
        known &= (at + step >= end) | (codes[place] != N)
    return known


def _alleles(
    codes: Codes, at: Integers, end: Integers, insertion: Mask, size: Integers,
    bases: npt.NDArray[np.uint64], rates: Rates,
) -> tuple[list[str], list[str]]:  # fmt: skip
    """REF and ALT strings; indels are anchored at the base before them, as VCF asks."""
    transition = _unit(bases, 0) < rates.ti_tv / (1 + rates.ti_tv)
    step = np.where(transition, 2, np.where((bases >> np.uint64(16)) & np.uint64(1) == 0, 1, 3))
    anchor = codes[at]
    letters = "ACGTN"
    ref = LETTERS[anchor].tobytes().decode()
    # +2 swaps A with G and C with T: the transitions
    alt = LETTERS[(anchor + step) % 4].tobytes().decode()
    refs, alts = list(ref), list(alt)
    for i in np.flatnonzero(size > 0):
        if insertion[i]:
            word = int(bases[i])
            refs[i], alts[i] = (
                ref[i],
                ref[i] + "".join(letters[word >> 2 * k & 3] for k in range(int(size[i]))),
            )
        else:
            refs[i], alts[i] = LETTERS[codes[at[i] : end[i]]].tobytes().decode(), ref[i]
    return refs, alts


def without_overlaps(variants: pd.DataFrame) -> pd.DataFrame:
    """Drop each variant that overlaps one of lower `priority`; which one stays does not depend on the level.

    Parameters
    ----------
    variants : DataFrame
        With `contig`, `position`, `ref`, `priority`; sorted by contig and position.
    """
    contig = pd.factorize(variants["contig"])[0]
    start = variants["position"].to_numpy(np.int64)
    end = start + variants["ref"].str.len().to_numpy(np.int64) if len(variants) else start
    priority = variants["priority"].to_numpy(np.int64)
    loses = np.zeros(len(variants), bool)
    for gap in range(1, len(variants)):
        meet = (start[gap:] < end[:-gap]) & (contig[gap:] == contig[:-gap])
        if not meet.any():
            break
        later_wins = priority[gap:] < priority[:-gap]
        loses[gap:] |= meet & ~later_wins
        loses[:-gap] |= meet & later_wins
    return variants[~loses].reset_index(drop=True)


def merged(tables: Sequence[pd.DataFrame], genome: Genome) -> pd.DataFrame:
    """Several variant tables in the order of the genome's contigs and positions."""
    table = pd.concat([part for part in tables if len(part)] or [tables[0]], ignore_index=True)
    order = table["contig"].map({name: number for number, name in enumerate(genome.names)})
    return table.iloc[np.lexsort((table["position"], order))].reset_index(drop=True)
