"""What a likelihood ratio means: bits, rank, posterior, anonymity set, sex."""

import math

import numpy as np

from avatarflow.core.arrays import Floats

SINGLED_OUT = 0.95  # posterior from which somebody counts as found among N


def bits(nats: float) -> float:
    """Natural logarithm of a ratio in bits."""
    return nats / math.log(2)


def rank(ratios: Floats, person: int) -> int:
    """Place of a person among the candidates, 1 for the best; of equal ones, the person is the last."""
    return int((ratios >= ratios[person]).sum())


def posterior(nats: float, people: int) -> float:
    """Chance that a candidate is the donor among `people` alike before: 1 / (1 + (people - 1) / LR)."""
    if people <= 1:
        return 1.0
    return float(1 / (1 + np.exp(np.clip(math.log(people - 1) - nats, -700, 700))))


def anonymity_set(nats: float, people: int) -> float:
    """About how many of `people` fit as well as the donor: N / LR, kept from 1 to N."""
    return float(min(people, max(1.0, math.exp(min(700.0, math.log(people) - nats)))))


def bits_to_single_out(people: int) -> float:
    """Bits at which the posterior among `people` reaches `SINGLED_OUT`."""
    odds = SINGLED_OUT / (1 - SINGLED_OUT)
    return math.log2(max(people - 1, 1) * odds)


def sex_ratio(y_fragments: int, fragments: int, male_share: float, bleed_through: float) -> float:
    """Ln P(fragments on Y-specific sequence | male) - ln P(the same | female), binomial.

    Parameters
    ----------
    y_fragments, fragments : int
        Human fragments on Y-specific sequence, and all.
    male_share : float
        Share of a male's fragments that come from there: its length over twice the length of all that is diploid.
    bleed_through : float
        Share of a female's fragments that are placed there in error, above 0.
    """
    male = min(male_share + bleed_through, 1 - 1e-12)
    rest = fragments - y_fragments
    return y_fragments * math.log(male / bleed_through) + rest * (
        math.log1p(-male) - math.log1p(-bleed_through)
    )
