"""The generative families by name. A new one is a file with `make` and `MEANING`, and a line here."""

from collections.abc import Callable
from dataclasses import dataclass

from avatarflow.core.arrays import Pictures
from avatarflow.generators.diffusion.denoiser import Denoiser

from . import blend, img2img, round_trip
from .subjects import Subjects


@dataclass(frozen=True)
class Generative:
    """One family: its function, whether it has strengths, and what it does."""

    make: Callable[[Denoiser, Subjects, float, int], Pictures]
    graded: bool
    meaning: str


GENERATIVE = {
    "blend": Generative(blend.make, True, blend.MEANING),
    "round_trip": Generative(round_trip.make, False, round_trip.MEANING),
    "img2img": Generative(img2img.make, True, img2img.MEANING),
}
