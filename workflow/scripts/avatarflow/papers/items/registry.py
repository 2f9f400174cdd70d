"""The kinds of items by name. A new one is a file with `make`, a line here, one in `kinds.py` and one in the schema."""

from . import (
    calibration_border,
    distillation,
    generators,
    ratings,
    read_removal,
    released_set,
    samples,
)
from .interface import Make

ITEMS: dict[str, Make] = {
    "samples": samples.make,
    "calibration_border": calibration_border.make,
    "ratings": ratings.make,
    "generators": generators.make,
    "distillation": distillation.make,
    "read_removal": read_removal.make,
    "released_set": released_set.make,
}
