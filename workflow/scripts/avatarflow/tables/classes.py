"""Equivalence classes of patients: those of whom a table shows the same combinations of quasi-identifiers.

A patient with several rows shows several combinations, and pseudonyms join them. So what must be equal is the whole set
of a patient's combinations: this asks for more than k patients per combination ((X, Y)-anonymity, Wang and Fung 2006,
KDD 414-423), and is k-anonymity (Sweeney 2002, Int. J. Uncertain. Fuzz. 10:557-570) where each patient has one row.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Integers


def numbered(columns: Sequence[Sequence[str]], rows: int) -> Integers:
    """(rows,) number of each row's combination of texts; one for all where there is no column."""
    if not columns:
        return np.zeros(rows, np.int64)
    table = pd.DataFrame(dict(enumerate(columns)))
    return np.asarray(table.groupby(list(table.columns)).ngroup(), np.int64)


def patient_classes(patients: Integers, combinations: Integers) -> Integers:
    """(patients,) class of each patient.

    Parameters
    ----------
    patients : (rows,) int
        0-based, each number at least once.
    combinations : (rows,) int
        The row's combination, >= 0.
    """
    count = int(patients.max()) + 1 if len(patients) else 0
    span = int(combinations.max()) + 1 if len(combinations) else 1
    pairs = np.unique(patients * span + combinations)
    sizes = np.bincount(pairs // span, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    classes, used = np.zeros(count, np.int64), 0
    for size in np.unique(sizes):
        members = np.flatnonzero(sizes == size)
        sets = (pairs % span)[starts[members][:, None] + np.arange(size)]  # (members, size)
        _, number = np.unique(sets, axis=0, return_inverse=True)
        classes[members] = used + number.ravel()
        used = int(classes[members].max()) + 1
    return classes
