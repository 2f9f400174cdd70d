"""What an audit says and what it does not, in plain words."""

from collections.abc import Mapping
from typing import Any


def claim(unit: str, coverage: Mapping[str, Any], held_out: int) -> list[str]:
    """Return the claim as sentences.

    Parameters
    ----------
    unit : str
        `person` or `eye`: what the originals allow to be told apart.
    coverage : mapping
        What the calibration promises: `mode`, `persons`, `mean_miss`, `miss_bound`.
    held_out : int
        Persons named as not trained on.
    """
    whose = (
        "person"
        if unit == "person"
        else "eye: the originals do not tell which eyes belong to one person"
    )
    every = (
        "every calibration perturbation" if coverage["mode"] == "reject-all" else "the asked share"
    )
    told = (
        f"{held_out} {unit}s are named as not trained on. They stand in no gallery: a candidate that copies one of "
        "them is not rejected for it. That they were not trained on is the word of whoever divided them; if it is "
        "wrong, the attacks see no difference where there is a leak."
        if held_out
        else "Nobody is named as not trained on: all originals stand in the gallery, and nothing is said of membership."
    )
    return [
        f"The unit of every privacy figure is the {whose}.",
        "An accepted candidate lies outside the cones of all originals of the gallery: its fingerprint is farther from "
        "each of them than the perturbations of originals that the cones were calibrated to reject.",
        f"The cones reject {every} of {coverage['persons']} calibration {unit}s. Of a further exchangeable {unit} some "
        f"perturbation is missed with a probability of at most {coverage['mean_miss']:.2%} on average over "
        f"calibrations; in 95 % of calibrations it is at most {coverage['miss_bound']:.2%}.",
        f"That holds for {unit}s exchangeable with the calibration ones, the stated families of perturbations, the "
        "cameras of the calibration persons and the working size - nothing else. It says nothing of the generator "
        "behind the candidates, and nothing of pictures that it makes later.",
        told,
        "It is no proof of anonymity.",
    ]
