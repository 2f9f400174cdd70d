"""Left-out families: what the cones do to perturbations that neither the encoder, nor R, nor the calibration ever met.

No torch here: faiss must not share a process with it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Integers
from avatarflow.core.statistics import share_of_persons, share_of_pictures


def kept_families(cone: Mapping[str, Any]) -> list[str]:
    """The families of the config's `cone` that train and calibrate; those left out are asked of test persons only."""
    return [name for name in cone["families"] if name not in cone["held_out_families"]]


def left_out_figures(
    rejected: npt.NDArray[np.bool_], families: Sequence[str], persons: Integers, seed: int
) -> dict[str, Any]:
    """Return how many perturbations of each left-out family are rejected, weak ones and strong ones apart.

    Parameters
    ----------
    rejected : (p, f * draws) bool
        Of p pictures, family by family, draw by draw; draw j of d has a strength within [j/d, (j+1)/d).
    families : f names
    persons : (p,)
        Whose the pictures are.

    Returns
    -------
    dict
        Of each family `all`, one entry per draw by its `strength`, and `missed_persons`: the share of persons of whom
        some perturbation of the family is accepted. Empty where no family is left out.
    """
    found: dict[str, Any] = {}
    for place, family in enumerate(families):
        own = rejected.reshape(len(persons), len(families), -1)[:, place]
        draws = own.shape[1]
        each = np.repeat(persons, draws)
        by_strength = [
            {
                "strength": [draw / draws, (draw + 1) / draws],
                **share_of_pictures(own[:, draw], persons, seed).as_dict(),
            }
            for draw in range(draws)
        ]
        found[family] = {
            "all": share_of_pictures(own.ravel(), each, seed).as_dict(),
            "by_strength": by_strength,
            "missed_persons": share_of_persons(~own.ravel(), each).as_dict(),
        }
    return found
