"""What a guarantee of differential privacy bounds, whatever gives it."""

import math

from .errors import Problems

FILE = "differential_privacy.json"
"""Beside a generator that was trained so: what its training cost."""


def refuse_large_delta(delta: float, patients: int, problems: Problems) -> None:
    """Note a delta with which a training on so many patients may give one of them away."""
    if delta * patients >= 1:
        found = f"{delta:g} for {patients} patients, so that one of them may be given away"
        problems.add("differential_privacy.delta", found, f"set it well below {1 / patients:.1g}")


def largest_advantage(epsilon: float, delta: float) -> float:
    """Return the bound on hits less false alarms of whoever guesses whether somebody is in the data.

    Kairouz, Oh and Viswanath 2015, ICML, theorem 2.1.
    """
    return math.tanh(epsilon / 2) + 2 * delta / (1 + math.exp(min(epsilon, 700.0)))
