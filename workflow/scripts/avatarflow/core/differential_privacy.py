"""What a guarantee of differential privacy bounds, whatever gives it."""

import math

FILE = "differential_privacy.json"
"""Beside a generator that was trained so: what its training cost."""


def largest_advantage(epsilon: float, delta: float) -> float:
    """Return the bound on hits less false alarms of whoever guesses whether somebody is in the data.

    Kairouz, Oh and Viswanath 2015, ICML, theorem 2.1.
    """
    return math.tanh(epsilon / 2) + 2 * delta / (1 + math.exp(min(epsilon, 700.0)))
