"""How many human fragments are left that no tool sees, from how many of the spike-ins none saw."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from avatarflow.core.arrays import Mask
from avatarflow.core.statistics import Estimate


@dataclass(frozen=True)
class Counts:
    """What came of the user's `fragments` and of the `spike_ins`.

    `removed`: by the tools that clean. `found`: left in, but called human by a detection tool. `spikes_left`: not
    removed; `spikes_unseen`: of them, those that no detection tool calls human either. `variants_left`,
    `variants_all`: alleles of their donors that the spike-ins left in, and all of them, show.
    """

    fragments: int
    removed: int
    found: int
    spike_ins: int
    spikes_left: int
    spikes_unseen: int
    variants_left: int
    variants_all: int

    @classmethod
    def of(
        cls, removed: Mask, detected: Mask, spike: Mask, variants: npt.NDArray[np.int64]
    ) -> "Counts":
        """From one value per fragment of the spiked files; `variants` per spike-in, in their order."""
        left = ~removed
        return cls(
            int((~spike).sum()), int((removed & ~spike).sum()), int((left & detected & ~spike).sum()),
            int(spike.sum()), int((left & spike).sum()), int((left & ~detected & spike).sum()),
            int(variants[left[spike]].sum()), int(variants.sum()),
        )  # fmt: skip

    def as_dict(self) -> dict[str, int]:
        """Plain values."""
        return asdict(self)

    @property
    def detected(self) -> int:
        """Fragments that some tool calls human."""
        return self.removed + self.found


def miss_rate(unseen: int, spike_ins: int, alpha: float) -> Estimate:
    """Share of human fragments that no tool sees, with an interval whose upper end errs with chance `alpha`.

    References
    ----------
    Clopper and Pearson 1934, Biometrika 26:404.
    """
    if not spike_ins:
        return Estimate.missing()
    low = stats.beta.ppf(alpha, unseen, spike_ins - unseen + 1) if unseen else 0.0
    high = stats.beta.ppf(1 - alpha, unseen + 1, spike_ins - unseen) if unseen < spike_ins else 1.0
    return Estimate(unseen / spike_ins, float(low), float(high), spike_ins)


def undetected(detected: int, rate: Estimate, alpha: float) -> Estimate:
    """Human fragments that no tool sees, where the tools see `detected`.

    The expected number is q / (1 - q) of those detected. The upper end takes the upper end of q, and then the largest
    number under which so few would be detected with a chance above `alpha`: a negative binomial quantile.
    """
    if rate.value is None or rate.high is None or rate.low is None or rate.high >= 1:
        return Estimate.missing()
    high = float(stats.nbinom.ppf(1 - alpha, detected + 1, 1 - rate.high))
    return Estimate(rate.value / (1 - rate.value) * detected, 0.0, high, detected)


def enrichment(counts: Counts, alpha: float, most: float) -> Estimate:
    """How many times more variants a spike-in that was left in shows than any: misses may be what identifies.

    The upper end is Poisson's for the variants seen, kept from 1 to `most`; with nothing left in it is `most`.

    References
    ----------
    Garwood 1936, Biometrika 28:437 (the interval).
    """
    if not counts.spikes_left or not counts.variants_all:
        return Estimate(1.0, 1.0, most, counts.spikes_left)
    usual = counts.variants_all / counts.spike_ins
    high = (
        stats.chi2.ppf(1 - alpha, 2 * (counts.variants_left + 1)) / 2 / counts.spikes_left / usual
    )
    value = counts.variants_left / counts.spikes_left / usual
    return Estimate(
        float(value), 0.0, float(min(max(high, value, 1.0), max(most, value))), counts.spikes_left
    )
