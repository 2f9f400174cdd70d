"""Illumina sequencing errors: substitutions by mate, cycle and base quality, scaled as a whole by one error rate.

The numbers drawn for a read do not depend on the rate: raising it adds errors and moves none.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import refuse
from .genome import Codes, N

Floats = npt.NDArray[np.float64]

WOBBLE_Q = np.array([-4, -2, 0, 2, 4])  # a base is this many phred units better or worse than its cycle
FACTORS = 10 ** (-WOBBLE_Q / 10) / np.mean(10 ** (-WOBBLE_Q / 10))
QUALITY_MIN, QUALITY_MAX, N_QUALITY = 2, 41, 2
CEILING = 0.75  # four equally likely bases


@dataclass(frozen=True)
class ErrorModel:
    """Relative error of each mate and cycle, (2, length), with mean 1."""

    shape: Floats

    def probabilities(self, rate: float) -> Floats:
        """Probability of an error, (2, length, 5): by mate, cycle and quality wobble; the mean over all is `rate`.

        Raises
        ------
        AvatarflowError
            If the rate is so high that some base would err more often than chance.
        """
        table = rate * self.shape[:, :, None] * FACTORS
        if table.max() > CEILING:
            most = rate * CEILING / table.max()
            raise refuse("reads.error", f"{rate:g} is too high for this profile", f"ask for {most:.3f} or less")
        return np.asarray(table)

    def qualities(self, rate: float) -> Codes:
        """Phred scores, (2, length, 5), true to the error probabilities within the limits of the format."""
        table = np.maximum(self.probabilities(rate), 1e-9)
        phred: Floats = np.clip(np.rint(-10 * np.log10(table)), QUALITY_MIN, QUALITY_MAX)
        return phred.astype(np.uint8)


def read_profile(path: str | Path, length_bp: int) -> ErrorModel:
    """Read a profile (TSV: `mate` 1 or 2, `cycle` from 1, `error`) and stretch its cycles to the read length.

    Raises
    ------
    AvatarflowError
        If a column is missing or a mate has no positive error.
    """
    try:
        table = pd.read_csv(path, sep="\t", comment="#")[["mate", "cycle", "error"]].astype(float)
    except (OSError, KeyError, ValueError) as error:
        raise refuse(str(path), "no error profile", "give a TSV with the columns mate, cycle, error") from error
    mates = []
    for mate in (1, 2):
        part = table[table["mate"] == mate].sort_values("cycle")
        if part.empty or (part["error"] <= 0).any():
            raise refuse(str(path), f"mate {mate} lacks positive errors", "give every mate and cycle an error above 0")
        place = np.linspace(part["cycle"].min(), part["cycle"].max(), length_bp)
        mates.append(np.interp(place, part["cycle"], part["error"]))
    shape = np.stack(mates)  # (2, length)
    return ErrorModel(shape / shape.mean())


@dataclass(frozen=True)
class ErrorDraws:
    """Random numbers of n pairs, all (n, 2, length): what would happen, whatever the error rate."""

    uniform: npt.NDArray[np.float32]
    step: Codes  # 1..3: the substituted base is (template + step) mod 4
    wobble: Codes  # 0..4: index into WOBBLE_Q

    @classmethod
    def draw(cls, random: np.random.Generator, pairs: int, length_bp: int) -> "ErrorDraws":
        """Draw for whole pairs at once."""
        shape = (pairs, 2, length_bp)
        uniform = random.random(shape, np.float32)
        return cls(uniform, random.integers(1, 4, shape, np.uint8), random.integers(0, len(WOBBLE_Q), shape, np.uint8))


def sequenced(
    templates: Codes, draws: ErrorDraws, model: ErrorModel, rate: float
) -> tuple[Codes, Codes, npt.NDArray[np.bool_]]:
    """Read templates with errors.

    Parameters
    ----------
    templates : (n, 2, length) uint8
        True bases in reading direction, 4 for N.
    draws : ErrorDraws
    model : ErrorModel
    rate : float
        Errors per base over all.

    Returns
    -------
    bases : (n, 2, length) uint8
    qualities : (n, 2, length) uint8
        Phred.
    wrong : (n, 2, length) bool
        Where a substitution happened.
    """
    mate = np.arange(2)[None, :, None]
    cycle = np.arange(templates.shape[2])[None, None, :]
    wrong = draws.uniform < model.probabilities(rate).astype(np.float32)[mate, cycle, draws.wobble]
    known = templates != N
    wrong &= known
    bases = np.where(wrong, (templates + draws.step) % 4, templates).astype(np.uint8)
    qualities = np.where(known, model.qualities(rate)[mate, cycle, draws.wobble], N_QUALITY).astype(np.uint8)
    return bases, qualities, wrong
