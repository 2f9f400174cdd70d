"""How many human fragments no tool sees, by classes of quality: bad reads are missed more often than good ones.

The human reads may be better or worse than the rest of a sample. What the tools see of them tells in which classes they
are, and the spike-ins of a class how many of it are missed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from avatarflow.core.arrays import Mask
from avatarflow.core.statistics import Estimate

from .undetected import miss_rate

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Strata:
    """Per class: the user's fragments `detected` as human, `spikes`, and those of them that are `unseen`."""

    detected: Counts
    spikes: Counts
    unseen: Counts

    @classmethod
    def of(cls, classes: Counts, detected: Mask, spike: Mask, unseen: Mask) -> "Strata":
        """From one value per fragment of the spiked files; classes count from 0."""
        size = int(classes.max(initial=0)) + 1
        masks = (detected, spike, spike & unseen)
        return cls(*(np.bincount(classes[mask], minlength=size) for mask in masks))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, a list each, the worst class first."""
        return {
            "detected": self.detected.tolist(),
            "spike_ins": self.spikes.tolist(),
            "unseen": self.unseen.tolist(),
        }

    def miss_rate(self, alpha: float) -> Estimate:
        """Share of human fragments that no tool sees, with an upper end that errs with chance `alpha`.

        h = sum_s d_s k_s / (n_s - k_s) fragments are missed per detected one, d_s the share of class s among those
        detected, k_s of n_s spike-ins unseen; the share is h / (1 + h). The upper end is that of a weighted sum of
        Poisson numbers. With one class it is Clopper and Pearson's, and so it is where nothing was detected. A class
        with detected fragments and without a spike-in that was seen leaves it open.

        References
        ----------
        Fay and Feuer 1997, Statistics in Medicine 16:791.
        """
        total, used = int(self.spikes.sum()), self.detected > 0
        if used.sum() <= 1:
            own = used if used.any() else np.ones(len(used), bool)
            return miss_rate(int(self.unseen[own].sum()), int(self.spikes[own].sum()), alpha)
        n, k = self.spikes[used].astype(float), self.unseen[used].astype(float)
        if (n <= k).any():
            return Estimate.missing(total)
        weights = self.detected[used] / self.detected.sum() / (n - k)
        value = float((weights * k).sum())
        spread = float((weights**2 * k * n / (n - k)).sum())  # odds vary more than their numerators
        most = float(weights.max())
        ends = [0.0, 0.0]
        if value:
            shape = value**2 / spread
            ends[0] = float(stats.gamma.ppf(alpha, shape, scale=spread / value))
        shape = (value + most) ** 2 / (spread + most**2)
        ends[1] = float(
            stats.gamma.ppf(1 - alpha, shape, scale=(spread + most**2) / (value + most))
        )
        rates = [odds / (1 + odds) for odds in (value, *ends)]
        return Estimate(rates[0], rates[1], rates[2], total)
