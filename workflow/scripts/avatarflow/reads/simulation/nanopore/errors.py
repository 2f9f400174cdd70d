"""Nanopore sequencing errors, scaled as a whole by one knob: the share of alignment columns that are wrong.

The chances depend on the read (some are worse than others), on the quality of the base, and for insertions and
deletions on the homopolymer that the base lies in. The numbers drawn for a base do not depend on the knob: raising it
adds errors and moves none.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammaincinv

from avatarflow.core.arrays import Codes, Floats, Integers
from avatarflow.core.errors import Problems, refuse
from avatarflow.reads.compiled import compiled
from avatarflow.reads.donors.haplotype import CODE

CLASSES = 16  # equally likely kinds of read, from good to bad
BINS = 5  # equally likely qualities of a base
LONGEST_INDEL = 60
LONGEST_RUN = 32  # homopolymers longer than this count as this long
# of the chances of a substitution, insertion, deletion: their ranges must not overlap
CAPS = (0.5, 0.25, 0.25)
QUALITY_MIN, QUALITY_MAX = 1, 50
WHOLE = 1 << 32
SCALARS = (
    "error",
    "substitutions",
    "insertions",
    "deletions",
    "insertion_mean_bp",
    "deletion_mean_bp",
    "read_spread",
)
FORMAT = "give a TSV with the columns feature, at, value, as resources/error_profiles/nanopore.tsv"


class LongTables(NamedTuple):
    """Chances, of 2^32, by class of read, homopolymer length and quality: (CLASSES, runs, BINS)."""

    wrong: npt.NDArray[np.uint32]  # a substitution below this
    extra: npt.NDArray[np.uint32]  # an insertion from a half on, as long as this
    skipped: npt.NDArray[np.uint32]  # a deletion from the end down, as long as this
    quality: Codes  # (CLASSES, BINS)
    extra_go_on: float  # chance that an insertion goes on
    skipped_go_on: float


@dataclass(frozen=True)
class LongModel:
    """What a profile says; `insertion_at` and `deletion_at` are (runs,), relative, for runs of 1, 2, ... bases."""

    error: float
    shares: tuple[float, float, float]  # of wrong columns: substitutions, insertions, deletions
    means_bp: tuple[float, float]  # insertions, deletions
    read_spread: float
    insertion_at: Floats
    deletion_at: Floats
    phred: Floats  # (BINS,)
    relative_error: Floats  # (BINS,), mean 1

    def classes(self) -> Floats:
        """Error of each class of read relative to the mean, (CLASSES,), from a gamma distribution."""
        if self.read_spread == 0:
            return np.ones(CLASSES)
        shape = self.read_spread**-2
        middle = gammaincinv(shape, (np.arange(CLASSES) + 0.5) / CLASSES)
        return np.asarray(middle / middle.mean())

    def chances(self, scale: float, runs: Floats) -> tuple[Floats, Floats, Floats]:
        """Chances that a substitution, insertion, deletion begins at a base, (CLASSES, runs, BINS) each.

        Parameters
        ----------
        scale : float
            About the share of wrong columns; `solved` finds the exact one.
        runs : (runs,) float
            Share of the genome's bases that lie in homopolymers of each length, over which the factors have mean 1.
        """
        base = scale * self.classes()[:, None, None] * self.relative_error
        factors = (np.ones(len(runs)), self.insertion_at, self.deletion_at)
        sizes = (1.0, *self.means_bp)
        substituted, inserted, deleted = (
            np.minimum(base * share / size * (factor / (factor @ runs))[:, None], cap)
            for share, factor, size, cap in zip(self.shares, factors, sizes, CAPS, strict=True)
        )
        return substituted, inserted, deleted

    def realised(self, scale: float, runs: Floats) -> float:
        """Expected share of wrong columns of alignments, over all reads.

        A base is read unless a deletion of more than k bases began k bases before it, for no k: with the chance p that
        a deletion begins and r that it goes on, the product of 1 - p r^k. Exact but for the dependence of neighbours
        in a homopolymer.
        """
        # (CLASSES,) each
        wrong, extra, skipped = ((part.mean(2) @ runs) for part in self.chances(scale, runs))
        more, fewer = self.means_bp
        go_on = (1 - 1 / fewer) ** np.arange(LONGEST_INDEL)
        read = np.prod(1 - skipped[:, None] * go_on, axis=1)
        others = read / (1 - skipped)  # that no deletion from before takes the base
        bad = (wrong + extra * more) * others + 1 - read
        return float(bad.mean() / (1 + extra * more * others).mean())

    def solved(self, rate: float, runs: Floats) -> float:
        """The scale at which the share of wrong columns is `rate`.

        Raises
        ------
        AvatarflowError
            If the profile cannot err that often.
        """
        low, high = 0.0, 4.0
        if self.realised(high, runs) < rate:
            most = self.realised(high, runs)
            raise refuse(
                "reads.error",
                f"{rate:g} is too high for this profile",
                f"ask for {most:.3f} or less",
            )
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.realised(middle, runs) < rate else (low, middle)
        return high if rate else 0.0

    def check(self, rate: float) -> None:
        """Refuse a rate that the profile cannot have on any genome; see `solved`."""
        self.solved(rate, np.eye(LONGEST_RUN)[0])

    def tables(self, rate: float, runs: Floats) -> LongTables:
        """Chances and qualities as the compiled reader takes them, for a share of wrong columns."""
        wrong, extra, skipped = (
            np.rint(part * WHOLE).astype(np.uint32)
            for part in self.chances(self.solved(rate, runs), runs)
        )
        worse = 10 * np.log10(np.maximum(rate * self.classes() / self.error, 1e-9))[:, None]
        quality = np.clip(np.rint(self.phred - worse), QUALITY_MIN, QUALITY_MAX).astype(np.uint8)
        more, fewer = (1 - 1 / mean for mean in self.means_bp)
        return LongTables(wrong, extra, skipped, quality, more, fewer)


def read_long_profile(path: str | Path) -> LongModel:
    """Read a nanopore profile; `resources/error_profiles/nanopore.tsv` says what its lines mean.

    Raises
    ------
    AvatarflowError
        If it is no such table, or some feature is missing or out of range; all problems at once.
    """
    try:
        table = pd.read_csv(path, sep="\t", comment="#")[["feature", "at", "value"]]
        table = table.astype({"feature": str, "at": int, "value": float})
    except (OSError, KeyError, ValueError) as error:
        raise refuse(str(path), "no nanopore error profile", FORMAT) from error
    found = {
        str(name): part.sort_values("at")["value"].to_numpy(np.float64)
        for name, part in table.groupby("feature")
    }
    with Problems() as problems:
        for name in SCALARS:
            if len(found.get(name, [])) != 1:
                problems.add(str(path), f"not one value of {name}", FORMAT)
        for name in ("phred", "relative_error"):
            if len(found.get(name, [])) != BINS:
                problems.add(str(path), f"not {BINS} values of {name}", FORMAT)
        for name in ("insertion_at", "deletion_at"):
            if not len(found.get(name, [])):
                problems.add(str(path), f"no value of {name}", FORMAT)
        if (table["value"] < 0).any() or not np.isfinite(table["value"]).all():
            problems.add(str(path), "a value that is negative or no number", FORMAT)
    return _checked(found, str(path))


def _checked(found: dict[str, Floats], path: str) -> LongModel:
    one = {name: float(found[name][0]) for name in SCALARS}
    total = one["substitutions"] + one["insertions"] + one["deletions"]
    sizes = one["insertion_mean_bp"], one["deletion_mean_bp"]
    if (
        not 0 < one["error"] < 1
        or total <= 0
        or min(sizes) < 1
        or found["relative_error"].sum() <= 0
    ):
        raise refuse(
            path, "error, parts of errors, mean lengths or relative errors out of range", FORMAT
        )
    parts = (one["substitutions"] / total, one["insertions"] / total, one["deletions"] / total)
    relative = found["relative_error"]
    return LongModel(
        one["error"], parts, sizes, one["read_spread"], _stretched(found["insertion_at"]),
        _stretched(found["deletion_at"]), found["phred"], relative / relative.mean(),
    )  # fmt: skip


def _stretched(factors: Floats) -> Floats:
    """The factors for every length up to LONGEST_RUN; the last value holds for longer ones."""
    return np.concatenate([factors, np.full(LONGEST_RUN, factors[-1])])[:LONGEST_RUN]


@compiled
def run_lengths(marks: Codes, starts: Integers) -> Codes:
    """Length of the homopolymer that each base lies in, at most LONGEST_RUN; N is in none (1).

    Parameters
    ----------
    marks : (bases,) uint8
        Codes, or marks of haplotypes.
    starts : (contigs + 1,) int64
        Homopolymers end with their contig.
    """
    out = np.ones(len(marks), np.uint8)
    for contig in range(len(starts) - 1):
        at = starts[contig]
        while at < starts[contig + 1]:
            base = marks[at] & CODE
            end = at + 1
            while end < starts[contig + 1] and marks[end] & CODE == base and base < 4:
                end += 1
            out[at:end] = min(end - at, LONGEST_RUN)
            at = end
    return out


def run_shares(codes: Codes, starts: Integers) -> Floats:
    """Share of a genome's known bases that lie in homopolymers of 1, 2, ... bases, (LONGEST_RUN,)."""
    lengths = run_lengths(codes, starts)[codes < 4]
    count = np.bincount(lengths, minlength=LONGEST_RUN + 1)[1:]
    return np.asarray(count / max(count.sum(), 1), np.float64)
