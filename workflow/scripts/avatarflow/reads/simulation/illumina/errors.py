"""Illumina sequencing errors by mate, cycle and base quality, scaled as a whole by one rate of substitutions.

The numbers drawn for a read do not depend on the rate: raising it adds errors and moves none.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Codes, Floats
from avatarflow.core.errors import refuse
from avatarflow.reads.simulation.sequencer import Tables

# a base is this many phred units better or worse than its cycle
WOBBLE_Q = np.array([-4, -2, 0, 2, 4])
FACTORS = 10 ** (-WOBBLE_Q / 10) / np.mean(10 ** (-WOBBLE_Q / 10))
QUALITY_MIN, QUALITY_MAX = 2, 41
FITTED = (*(f"quality{bin_}" for bin_ in range(1, 6)), *(f"error{bin_}" for bin_ in range(1, 6)))
CEILING = 0.75  # four equally likely bases


@dataclass(frozen=True)
class ErrorModel:
    """Relative error of each mate and cycle, (2, length), with mean 1.

    A fitted profile also has, by mate, cycle and wobble of quality, relative errors with mean 1 over the wobbles, and
    the machine's own phred scores at its own rate, (2, length, 5) each; without them the errors are `FACTORS` apart and
    qualities are true to the chances of error.
    """

    shape: Floats
    factors: Floats | None = None
    phred: Floats | None = None
    own_rate: float = 0.0

    def probabilities(self, rate: float) -> Floats:
        """Probability of an error, (2, length, 5): by mate, cycle and quality wobble; the mean over all is `rate`.

        Raises
        ------
        AvatarflowError
            If the rate is so high that some base would err more often than chance.
        """
        table = rate * self.shape[:, :, None] * (FACTORS if self.factors is None else self.factors)
        if table.max() > CEILING:
            most = rate * CEILING / table.max()
            raise refuse(
                "reads.error",
                f"{rate:g} is too high for this profile",
                f"ask for {most:.3f} or less",
            )
        return np.asarray(table)

    def check(self, rate: float) -> None:
        """Refuse a rate that the profile cannot have; see `probabilities`."""
        self.probabilities(rate)

    def qualities(self, rate: float) -> Codes:
        """Phred scores, (2, length, 5), true to the error probabilities within the limits of the format."""
        if self.phred is None:
            phred: Floats = -10 * np.log10(np.maximum(self.probabilities(rate), 1e-9))
        else:
            phred = self.phred - 10 * np.log10(max(rate / self.own_rate, 1e-9))
        return np.asarray(np.clip(np.rint(phred), QUALITY_MIN, QUALITY_MAX).astype(np.uint8))

    def tables(self, rate: float, indel_ratio: float = 0.0) -> Tables:
        """Chances and qualities as the compiled reader takes them.

        Parameters
        ----------
        rate : float
            Substitutions per base over all.
        indel_ratio : float
            Insertions and deletions, in equal parts, per substitution.
        """
        whole = 1 << 32
        chances = self.probabilities(rate)
        indels = np.broadcast_to((rate * indel_ratio * self.shape)[:, :, None], chances.shape)
        wrong, calm = np.rint(chances * whole), np.rint((1 - indels) * whole)
        return Tables(
            np.minimum(wrong, whole - 1).astype(np.uint32),
            np.minimum(calm, whole - 1).astype(np.uint32),
            self.qualities(rate),
        )


def read_profile(path: str | Path, length_bp: int) -> ErrorModel:
    """Read a profile (TSV: `mate` 1 or 2, `cycle` from 1, `error`) and stretch its cycles to the read length.

    A fitted one also has `quality1` .. `quality5` and `error1` .. `error5`; see `profile_fit`.

    Raises
    ------
    AvatarflowError
        If a column is missing or a mate has no positive error.
    """
    try:
        whole = pd.read_csv(path, sep="\t", comment="#")
        fitted = set(FITTED) <= set(whole.columns)
        table = whole[["mate", "cycle", "error", *(FITTED if fitted else ())]].astype(float)
    except (OSError, KeyError, ValueError) as error:
        raise refuse(
            str(path), "no error profile", "give a TSV with the columns mate, cycle, error"
        ) from error
    mates, bins = [], []
    for mate in (1, 2):
        part = table[table["mate"] == mate].sort_values("cycle")
        if part.empty or (part["error"] <= 0).any():
            raise refuse(
                str(path),
                f"mate {mate} lacks positive errors",
                "give every mate and cycle an error above 0",
            )
        place = np.linspace(part["cycle"].min(), part["cycle"].max(), length_bp)
        mates.append(np.interp(place, part["cycle"], part["error"]))
        if fitted:
            bins.append(
                np.stack([np.interp(place, part["cycle"], part[name]) for name in FITTED], axis=-1)
            )
    shape = np.stack(mates)  # (2, length)
    if not fitted:
        return ErrorModel(shape / shape.mean())
    phred, factors = np.split(np.stack(bins), 2, axis=-1)  # (2, length, 5) each
    factors = factors / np.maximum(factors.mean(-1, keepdims=True), 1e-12)
    return ErrorModel(shape / shape.mean(), factors, phred, float(shape.mean()))
