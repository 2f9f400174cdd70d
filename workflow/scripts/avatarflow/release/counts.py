"""How many pictures came into each step of a release, went on, and were left out, by reason."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from avatarflow.core.counts import REFUSED, balance, by_reason
from avatarflow.core.outcomes import PASS
from avatarflow.imaging.shards import Column

STEPS = {
    "originals": "originals listed and selected: taken in",
    "teacher": "drawn by the teacher: accepted by the filter, and used to train the student",
    "student": "drawn by the student: accepted by the filter",
    "release": "accepted: published",
}
"""What comes in and what goes on, by step, in order."""


def release_counts(
    summary: Mapping[str, Any],
    decisions: Mapping[str, pd.DataFrame],
    drawn: Mapping[str, int],
    accepted: int,
    decision: str,
) -> dict[str, Any]:
    """Return the counts of every step of `STEPS`, each as `core.counts.balance` gives them.

    Parameters
    ----------
    summary : mapping
        Of the pool: `asked`, `pictures`, `refused_by_reason`.
    decisions : mapping of stage to table
        `accepted` and `reason` of the candidates, one row each.
    drawn : mapping of stage to int
        Candidates in the samples' own files.
    accepted : int
        Pictures that the release step was given to publish.
    decision : str
        Of the certificate.

    Raises
    ------
    AvatarflowError
        If the counts of a step do not add up.
    """
    counts = {
        "originals": balance(
            "originals", summary["asked"], summary["pictures"], summary["refused_by_reason"]
        )
    }
    for stage, table in decisions.items():
        taken = table["accepted"].to_numpy(bool)
        counts[stage] = balance(
            f"the {stage}'s pictures",
            drawn[stage],
            accepted if stage == "student" else int(taken.sum()),
            by_reason(table.loc[~taken, "reason"]),
        )
    out = {} if decision == PASS or not accepted else {REFUSED: accepted}
    counts["release"] = balance(
        "the release", counts["student"]["went_on"], accepted if decision == PASS else 0, out
    )
    return counts


def number_of(folder: str) -> int:
    """Return how many pictures a set of shards holds."""
    return len(Column(folder, "candidate"))
