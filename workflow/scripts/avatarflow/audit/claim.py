"""What an audit says and what it does not, in plain words."""

from collections.abc import Mapping
from typing import Any

from avatarflow.privacy.cones.coverage import promise


def claim(unit: str, coverage: Mapping[str, Any], held_out: int) -> list[str]:
    """Return the claim as sentences.

    Parameters
    ----------
    unit, coverage
        As for `promise`.
    held_out : int
        Persons named as not trained on.
    """
    whose, missed = promise(unit, coverage)
    told = (
        f"{held_out} {unit}s are named as not trained on. They stand in no gallery: a candidate that copies one of "
        "them is not rejected for it. That they were not trained on is the word of whoever divided them; if it is "
        "wrong, the attacks see no difference where there is a leak."
        if held_out
        else "Nobody is named as not trained on: all originals stand in the gallery, and nothing is said of membership."
    )
    return [
        whose,
        "An accepted candidate lies outside the cones of all originals of the gallery: its fingerprint is farther from "
        "each of them than the perturbations of originals that the cones were calibrated to reject.",
        missed,
        f"That holds for {unit}s exchangeable with the calibration ones, the stated families of perturbations, the "
        "cameras of the calibration persons and the working size - nothing else. It says nothing of the generator "
        "behind the candidates, and nothing of pictures that it makes later.",
        told,
        "It is no proof of anonymity.",
    ]
