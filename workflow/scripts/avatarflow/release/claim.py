"""What a certificate says and what it does not, in plain words (the cone's definition, point 5)."""

from collections.abc import Mapping
from typing import Any


def claim(unit: str, coverage: Mapping[str, Any]) -> list[str]:
    """Return the claim as sentences.

    Parameters
    ----------
    unit : str
        `person` or `eye`: what the originals allow to be told apart.
    coverage : mapping
        What the calibration promises: `mode` (`reject-all` or `conformal`), `persons`, `mean_miss`, `miss_bound`.
    """
    whose = (
        "person"
        if unit == "person"
        else "eye: the originals do not tell which eyes belong to one person"
    )
    every = (
        "every calibration perturbation" if coverage["mode"] == "reject-all" else "the asked share"
    )
    return [
        f"The unit of every privacy figure is the {whose}.",
        "Every released picture lies outside the cones of all originals: its fingerprint is farther from each of them "
        "than the perturbations of originals that the cones were calibrated to reject.",
        f"The cones reject {every} of {coverage['persons']} calibration {unit}s. Of a further exchangeable {unit} "
        f"some perturbation is missed with a probability of at most {coverage['mean_miss']:.2%} on average over "
        f"calibrations; in 95 % of calibrations it is at most {coverage['miss_bound']:.2%}.",
        f"The claim covers {unit}s exchangeable with the calibration ones, the stated number of pictures and "
        "perturbations of each, and the stated families of perturbations and cameras - nothing else.",
        "For those whose pictures trained the fingerprint only an empirical rate is known.",
        "It is no proof of anonymity, and does not replace attacks on the released data or on the generator.",
    ]
