"""Eyes: which names are those of one eye, and which only number the eyes of a patient (OD and OS, 1 and 2)."""

import numpy as np
import pandas as pd

SIDES = frozenset({
    "od", "os", "ou", "o.d", "o.s", "o.u", "og", "r", "l", "re", "le", "rt", "lt", "ri", "li", "ra", "la",
    "right", "left", "both", "right eye", "left eye", "dexter", "sinister", "dx", "sx",
    "rechts", "links", "beide", "rechtes auge", "linkes auge", "droit", "droite", "gauche",
    "r eye", "l eye", "auge rechts", "auge links",
    "oeil droit", "oeil gauche", "œil droit", "œil gauche",
})  # fmt: skip
"""Names that no register gives to a single eye, as `identifiers.spelled` leaves them."""
ABOUT_TWO = 2
SHARE = 0.25
"""A name that more patients than `ABOUT_TWO` and at least this share of them have numbers the eyes within a patient.

OD stands under half of the patients or more; an eye of a register stands under one, or under the few identifiers that
one patient got.
"""


def within_patients(eyes: "pd.Series[str]", patients: "pd.Series[int]") -> set[str]:
    """Find the names of an eye column that number the eyes within a patient; the others are those of one eye each.

    Where most patients' eyes have such a name, every name of the column is one: a side that is spelled oddly once or
    twice would else join the patients who have it.

    Parameters
    ----------
    eyes : Series
        Names as compared, None where there is none.
    patients : Series
        Who stands in each row as far as the columns that name patients say, None where they do not.
    """
    pairs = (
        pd.DataFrame({"eye": eyes, "patient": patients}).dropna(subset=["eye"]).drop_duplicates()
    )
    count, largest = pairs.groupby("eye")["patient"].nunique(), pairs["patient"].nunique()
    many = (count > ABOUT_TWO) & (count >= SHARE * largest) | count.index.isin(SIDES)
    within = set(count.index[many])
    return set(count.index) if pairs["eye"].isin(within).mean() > 0.5 else within


def name_eyes(
    names: dict[str, "pd.Series[str]"], within: dict[str, set[str]], key: "pd.Series[int]"
) -> pd.Series:
    """Name each row's eye by the first column that is not empty: (column, patient or None, name); None if none is.

    Parameters
    ----------
    names : dict
        Per eye column, the names as compared.
    within : dict
        Per eye column, as from `within_patients`: these names count together with the patient.
    key : Series
        The patient of each row.
    """
    chosen = pd.Series([None] * len(key), index=key.index, dtype=object)
    for column, eyes in names.items():
        label = [
            None if eye is None else (column, patient if eye in within[column] else None, eye)
            for eye, patient in zip(eyes, key, strict=True)
        ]
        chosen = chosen.where(chosen.notna(), pd.Series(label, index=key.index, dtype=object))
    return chosen


def number_eyes(eyes: "pd.Series[str]") -> np.ndarray:
    """Run-local eye numbers (n,) of names as from `name_eyes`; -1 where the eye is not known."""
    return pd.factorize(eyes)[0].astype(np.int64)
