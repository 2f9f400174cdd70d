"""What the decisions say of a set of candidates: counts with intervals, and whom the risky ones point at."""

from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Mask
from avatarflow.core.counts import by_reason
from avatarflow.core.statistics import clopper_pearson
from avatarflow.privacy.cones.decide import INSIDE, MATCHED, UNJUDGED, UNREADABLE, UNSEEN


def share(hits: Mask) -> dict[str, Any]:
    """Share of candidates with the exact 95 % interval, as if they were independent draws of one generator."""
    count, n = int(hits.sum()), len(hits)
    low, high = clopper_pearson(count, n)
    return {"value": count / n if n else None, "low": low, "high": high, "count": count, "n": n}


def outcomes(decisions: pd.DataFrame) -> dict[str, Any]:
    """Return how many candidates are risky, refused without a decision on their content, and accepted.

    Parameters
    ----------
    decisions : DataFrame
        `accepted` and `reason` of every candidate.

    Returns
    -------
    dict
        `candidates`, `judged`, and `accepted`, `risky`, `refused` as shares of all candidates; `inside`: those of the
        risky ones that lie in a cone, and `matched_outside`: those that lie outside every cone, but that the verifier
        takes for an original; `left_out`: those that are not accepted, by reason.
    """
    reason = decisions["reason"].to_numpy(dtype=object)
    refused = np.isin(reason, [UNREADABLE, UNJUDGED, UNSEEN])
    return {
        "candidates": len(decisions),
        "judged": int((~refused).sum()),
        "accepted": share(decisions["accepted"].to_numpy(bool)),
        "risky": share(np.isin(reason, [INSIDE, MATCHED])),
        "inside": int((reason == INSIDE).sum()),
        "matched_outside": int((reason == MATCHED).sum()),
        "left_out": by_reason(reason[~decisions["accepted"].to_numpy(bool)]),
        "refused": share(refused),
    }


def whom(decisions: pd.DataFrame, pool: pd.DataFrame) -> dict[str, Any]:
    """Return whose cones candidates lie in; persons by run-local numbers.

    Parameters
    ----------
    decisions : DataFrame
        `risk`, `reason` and `matched_original` (manifest row).
    pool : DataFrame
        `row` and `person` of the originals.

    Returns
    -------
    dict
        `persons_met` (persons with a candidate in a cone of theirs), `originals_met`, and `worst_person`: whom a
        candidate comes nearest to (`person`, `risk`, and how many `candidates` lie in a cone of this person); None
        without any judged candidate.
    """
    judged = decisions[decisions["matched_original"].notna()]
    rows = judged["matched_original"].to_numpy(np.int64)
    person_of = dict(
        zip(pool["row"].to_numpy(np.int64), pool["person"].to_numpy(np.int64), strict=True)
    )
    persons = np.array([person_of[row] for row in rows], np.int64)
    risky = (judged["reason"] == INSIDE).to_numpy()
    found: dict[str, Any] = {
        "persons_met": len(np.unique(persons[risky])),
        "originals_met": len(np.unique(rows[risky])),
        "worst_person": None,
    }
    if len(judged):
        place = int(judged["risk"].to_numpy().argmin())
        worst = int(persons[place])
        count = int((risky & (persons == worst)).sum())
        found["worst_person"] = {
            "person": worst,
            "risk": float(judged["risk"].iloc[place]),
            "candidates": count,
        }
    return found


def by_label(decisions: pd.DataFrame, labels: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Share of candidates accepted per value of each label column; a missing value is no group."""
    accepted = decisions["accepted"].to_numpy(bool)
    found: dict[str, dict[str, Any]] = {}
    for column in labels.columns:
        values = labels[column]
        groups = {
            str(value): (values == value).to_numpy(bool)
            for value in sorted(values.dropna().unique())
        }
        if groups:
            found[column] = {value: share(accepted[chosen]) for value, chosen in groups.items()}
    return found
