"""The privacy budget of a training with noisy gradients: epsilon at a delta, by opacus' accountant (PRV).

In each step every patient takes part with the same probability, independently of the others, and the sum of their
gradients, each of norm 1 at most, gets normal noise of the deviation `noise`. Patients are added or removed as a whole.

References
----------
Abadi et al. 2016, CCS, arXiv:1607.00133 (DP-SGD); Gopi, Lee and Wutschitz 2021, NeurIPS, arXiv:2106.02848 (accountant).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from opacus.accountants import PRVAccountant
from opacus.accountants.utils import get_noise_multiplier

from avatarflow.core.errors import refuse

ERROR = 0.01
"""Of an epsilon, and of the search for the noise; it is the upper end that is given."""


def name() -> str:
    """Return which accountant this is."""
    return f"privacy random variables, opacus {version('opacus')}"


def epsilon_of(noise: float, rate: float, steps: int, delta: float) -> float:
    """Return the epsilon of a training, the upper end of what is computed; 0 without a step."""
    if steps == 0:
        return 0.0
    accountant = PRVAccountant()
    accountant.history = [(noise, rate, steps)]
    with _accounting():
        return float(accountant.get_epsilon(delta, eps_error=ERROR))


def noise_for(epsilon: float, rate: float, steps: int, delta: float) -> float:
    """Return the noise with which a training costs at most that epsilon.

    Raises
    ------
    AvatarflowError
        If the accountant finds none.
    """
    with _accounting():
        found = get_noise_multiplier(
            target_epsilon=epsilon, target_delta=delta, sample_rate=rate, steps=steps, accountant="prv"
        )  # fmt: skip
    return float(found)


@contextmanager
def _accounting() -> Iterator[None]:
    """Keep the accountant's warnings to ourselves, and say what to do where it gives up."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ValueError, RuntimeError, MemoryError) as error:
        found = f"the accountant finds no noise for it ({error})"
        raise refuse("differential_privacy", found, "set another epsilon or delta") from error
