"""A made-up table of labels for the demonstration and for studies: nobody's, drawn from a seed."""

import numpy as np
import pandas as pd

from avatarflow.core import seeds
from avatarflow.intake.tables.manifest import ODDITIES, ROW

DIAGNOSES = ("healthy", "cataract", "glaucoma", "diabetic retinopathy", "macular degeneration")
SHARES = (0.36, 0.24, 0.16, 0.14, 0.10)
FIRST_DAY = pd.Timestamp("2021-01-01").toordinal()
DAYS = 1095
AREAS = 6
DISTRICTS = 15


def generated_labels(patients: int, seed: int, prefix: str = "P") -> pd.DataFrame:
    """Draw patients of an eye clinic: one row per eye, as a manifest of text.

    Parameters
    ----------
    patients : int
    seed : int
    prefix : str
        What the identifiers begin with.

    Returns
    -------
    DataFrame
        `row`, `patient_id`, `eye_side`, `visit`, `age`, `sex`, `postcode`, `diagnosis`.
    """
    rows = []
    for number in range(patients):
        draw = seeds.generator(seed, "labels", number)
        age = int(np.clip(draw.normal(62, 15), 18, 95).round())
        area = int(draw.integers(1, AREAS + 1))
        shared = {
            "patient_id": f"{prefix}{number:06d}",
            "visit": pd.Timestamp.fromordinal(FIRST_DAY + int(draw.integers(DAYS))).strftime(
                "%Y-%m-%d"
            ),
            "age": str(age),
            "sex": ("female", "male")[int(draw.integers(2))],
            "postcode": f"{area}{int(draw.integers(DISTRICTS)):02d}",
            "diagnosis": DIAGNOSES[int(draw.choice(len(DIAGNOSES), p=SHARES))],
        }
        sides = ("left", "right") if draw.random() < 0.8 else ("left",)
        rows += [{**shared, "eye_side": side} for side in sides]
    table = pd.DataFrame(rows, dtype=object)
    table.insert(0, ROW, np.arange(1, len(table) + 1))
    table.attrs[ODDITIES] = []
    return table
