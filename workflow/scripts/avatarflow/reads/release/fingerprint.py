"""Signs of human sequence that do not come from the reference that a release was given.

Two sets of 31-mers, shipped in `resources/fingerprint/`: those that stand in the human genome many times, nearly all
of them in repeats of primates (Alu, L1), and some that stand there once, spread evenly. A read that shows several of
the first kind is human whatever the reference is; a human reference has nearly all of the second kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from avatarflow.core.arrays import Codes, Integers, Mask
from avatarflow.core.statistics import Estimate
from avatarflow.reads.compiled import compiled, mix
from avatarflow.reads.genomes.genome import TO_CODE, Genome, N

SHIPPED = Path(__file__).resolve().parents[5] / "resources" / "fingerprint"
K = 31
LEAST_HITS = 3  # k-mers by which a fragment counts as human: one match of 33 bases, or several
SIEVE_BITS = 24
LEAST_REPEATS = 0.05  # share of human fragments with signs that is taken for the least
Hashes = npt.NDArray[np.uint64]


class KmerSet(NamedTuple):
    """Sorted hashes of canonical k-mers, and one bit for each in a sieve that most other k-mers fail."""

    hashes: Hashes
    sieve: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, hashes: Hashes) -> "KmerSet":
        """From hashes in any order."""
        sieve = np.zeros(1 << SIEVE_BITS, bool)
        sieve[hashes >> np.uint64(64 - SIEVE_BITS)] = True
        return cls(np.sort(hashes), sieve)


@compiled
def scan(codes: Codes, ends: Integers, kmers: KmerSet, seen: Mask) -> Integers:
    """Count the k-mers of a set in pieces of a sequence, and mark in `seen` which of them occur.

    Parameters
    ----------
    codes : (n,) uint8
        Bases as 0..3; anything higher interrupts.
    ends : (pieces,) int64
        Where each piece ends; the first one begins at 0.
    kmers : KmerSet
    seen : (hashes,) bool
        Changed in place.

    Returns
    -------
    (pieces,) int64
    """
    hits = np.zeros(len(ends), np.int64)
    top, shift = np.uint64(2 * (K - 1)), np.uint64(64 - SIEVE_BITS)
    mask = (np.uint64(1) << np.uint64(2 * K)) - np.uint64(1)
    at = 0
    for piece in range(len(ends)):
        forward, backward, run = np.uint64(0), np.uint64(0), 0
        while at < ends[piece]:
            code = np.uint64(codes[at])
            at += 1
            if code > 3:
                run = 0
                continue
            forward = ((forward << np.uint64(2)) | code) & mask
            backward = (backward >> np.uint64(2)) | ((np.uint64(3) - code) << top)
            run += 1
            if run < K:
                continue
            word = mix(min(forward, backward))
            if not kmers.sieve[word >> shift]:
                continue
            place = np.searchsorted(kmers.hashes, word)
            if place < len(kmers.hashes) and kmers.hashes[place] == word:
                hits[piece] += 1
                seen[place] = True
    return hits


@cache
def shipped(name: str) -> KmerSet:
    """Return the set `repeats` or `unique`."""
    return KmerSet.of(np.load(SHIPPED / f"{name}.npy", allow_pickle=False))


def share_in(genome: Genome) -> float:
    """Share of the human genome's unique k-mers that a reference has."""
    unique = shipped("unique")
    seen = np.zeros(len(unique.hashes), bool)
    scan(genome.codes, genome.starts[1:], unique, seen)
    return float(seen.mean())


def human_signs(fragments: Sequence[tuple[bytes, ...]]) -> Mask:
    """Which fragments are human by their repeats; each comes as records of its reads without the names."""
    if not fragments:
        return np.zeros(0, bool)
    repeats, between = shipped("repeats"), bytes([N])
    texts = [
        between.join(read.partition(b"\n")[0].translate(TO_CODE) for read in reads) + between
        for reads in fragments
    ]
    codes = np.frombuffer(b"".join(texts), np.uint8)
    seen = np.zeros(len(repeats.hashes), bool)
    hits = scan(codes, np.cumsum([len(text) for text in texts]), repeats, seen)
    return np.asarray(hits >= LEAST_HITS)


@dataclass(frozen=True)
class Signs:
    """What the signs say of a reference: of the `own` fragments with signs so many are `unseen` by every tool.

    `spike_ins` and `spike_ins_unseen`: the same of the spike-ins. `excess`: how many times more often fragments that
    tools call human show signs than spike-ins from the reference.
    """

    reference: float
    own: int
    unseen: int
    spike_ins: int
    spike_ins_unseen: int
    excess: Estimate

    @classmethod
    def of(cls, reference: float, marked: Mask, called: Mask, spike: Mask, alpha: float) -> "Signs":
        """From one value per fragment of the spiked files: `marked` shows signs, `called` human by some tool.

        Where tools call none of the sample's fragments human, the spike-ins that they call human are compared.
        """
        detected = called & ~spike
        if not detected.any():
            detected = called & spike
        own, spike_ins = marked & ~spike, marked & spike
        excess = excess_of(
            (int((marked & detected).sum()), int(detected.sum())),
            (int(spike_ins.sum()), int(spike.sum())),
            alpha,
        )
        return cls(
            reference, int(own.sum()), int((own & ~called).sum()),
            int(spike_ins.sum()), int((spike_ins & ~called).sum()), excess,
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "reference_share": self.reference,
            "reference_kmers": len(shipped("unique").hashes),
            "fragments": self.own,
            "unseen": self.unseen,
            "spike_ins": {"fragments": self.spike_ins, "unseen": self.spike_ins_unseen},
            "excess": self.excess.as_dict(),
        }


def excess_of(called: tuple[int, int], spikes: tuple[int, int], alpha: float) -> Estimate:
    """Compare shares of fragments with signs, each given as (with signs, all): ratio, and the lower end as value.

    Tools that know a small part of the genome alone call repeats human wherever they come from, and hardly anything
    else, so that among what they call repeats are far more frequent than in the genome. The value is the end of the
    interval from which on the excess is sure. Missing where nothing is called human.
    """
    (marked, fragments), (known, total) = called, spikes
    if not fragments:
        return Estimate.missing()
    usual = max(known / total if total else 0.0, LEAST_REPEATS)
    if not marked:
        return Estimate(0.0, 0.0, 0.0, fragments)
    low = float(stats.beta.ppf(alpha, marked, fragments - marked + 1))
    return Estimate(low / usual, low / usual, marked / fragments / usual, fragments)
