"""Privacy account of counts with Gaussian noise: zero-concentrated differential privacy, and epsilon at a delta.

One patient more or less changes one cell of each marginal by 1. So each marginal with noise of variance v costs
rho = 1/(2v), and what is measured adds up, also where a later question hangs on an earlier answer.

References
----------
Bun and Steinke 2016, TCC, arXiv:1605.02065 (rho, composition); Canonne, Kamath and Steinke 2020, NeurIPS,
arXiv:2004.00010 (theorem 4: the discrete Gaussian; corollary 13: epsilon); Whitehouse et al. 2023, ICML,
arXiv:2203.05481 (a limit on the sum, whatever is asked).
"""

import math
from fractions import Fraction

from scipy.optimize import brentq, minimize_scalar

STEPS = 1000  # of one unit of variance; it is rounded up to them, to be an exact fraction
WIDEST = 40.0  # logarithm of the orders of Renyi divergence that are tried


def epsilon_of(rho: float, delta: float) -> float:
    """Return the epsilon that rho gives at a delta, 0 for a rho of 0.

    Every order of Renyi divergence gives a right one; the smallest is searched for.
    """
    if rho <= 0:
        return 0.0

    def at(log_order: float) -> float:
        over = math.exp(log_order)  # the order less 1
        return (
            (1 + over) * rho
            - (math.log(delta) + math.log1p(over)) / over
            - math.log1p(1 / over)
        )  # fmt: skip

    best = minimize_scalar(at, bounds=(-WIDEST, WIDEST), method="bounded", options={"xatol": 1e-10})
    return max(float(best.fun), 0.0)


def rho_of(epsilon: float, delta: float) -> float:
    """Return the largest rho whose epsilon at a delta is not above the given one."""
    most = (
        epsilon + 2
    )  # epsilon is never below rho less the logarithms that a delta of 1 takes away
    root = float(brentq(lambda rho: epsilon_of(rho, delta) - epsilon, 0.0, most, xtol=1e-15))
    while epsilon_of(root, delta) > epsilon:
        root *= 1 - 1e-9
    return root


def variance_of(rho: float, marginals: int) -> Fraction:
    """Return the variance of the noise on each of some marginals that cost rho together; rounded up."""
    return Fraction(math.ceil(marginals / (2 * rho) * STEPS), STEPS)


def cost(variance: Fraction, marginals: int) -> float:
    """Return the rho of some marginals with noise of a variance."""
    return float(marginals / (2 * variance))
