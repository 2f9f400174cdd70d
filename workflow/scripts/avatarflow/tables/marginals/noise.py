"""Exact draws from the discrete Gaussian: whole numbers only, since rounding of floats can give a count away.

The numbers come from the operating system. A seed that is known, as that of the config is, would let everybody take
the noise off again.

References
----------
Canonne, Kamath and Steinke 2020, NeurIPS, arXiv:2004.00010, algorithms 1 to 3; Mironov 2012, CCS 650-661 (floats).
"""

import math
import secrets
from collections.abc import Callable
from fractions import Fraction

Below = Callable[[int], int]
"""A whole number from 0 to the given one less 1, each as likely."""
FROM_SYSTEM: Below = secrets.randbelow


def discrete_gaussian(variance: Fraction, below: Below = FROM_SYSTEM) -> int:
    """Draw a whole number x with chance proportional to exp(-x^2 / (2 variance))."""
    scale = math.isqrt(math.floor(variance)) + 1
    while True:
        drawn = _discrete_laplace(scale, below)
        far = abs(drawn) - variance / scale
        if _with_chance_exp(far * far / (2 * variance), below):
            return drawn


def _discrete_laplace(scale: int, below: Below) -> int:
    """Draw a whole number x with chance proportional to exp(-|x| / scale)."""
    while True:
        rest = below(scale)
        if not _with_chance_exp(Fraction(rest, scale), below):
            continue
        whole = 0
        while _with_chance_exp(Fraction(1), below):
            whole += 1
        size, negative = rest + scale * whole, below(2)
        if size or not negative:  # else 0 would be twice as likely
            return -size if negative else size


def _with_chance_exp(gamma: Fraction, below: Below) -> bool:
    """Return True with chance exp(-gamma), gamma >= 0."""
    while gamma > 1:
        if not _with_chance_exp(Fraction(1), below):
            return False
        gamma -= 1
    turn = 1
    while below(gamma.denominator * turn) < gamma.numerator:
        turn += 1
    return turn % 2 == 1
