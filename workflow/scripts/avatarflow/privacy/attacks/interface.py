"""The one interface of all attacks: scores per picture in, figures per person out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats, Integers, Mask
from avatarflow.core.errors import Problems, refuse
from avatarflow.core.statistics import Estimate

from . import figures

WHERE = "attack"


@dataclass(frozen=True)
class Scores:
    """What an attack says about pictures, and the truth.

    Parameters
    ----------
    values : (n,) float64
        Larger: more like a picture that was trained on. A prediction is 1 where it is correct and 0 where it is wrong.
    member : (n,) bool
        Whether the picture's person was trained on.
    persons : (n,) int64
        Run-local numbers.
    predictions : bool
        Whether the values are predictions, or shares of correct predictions.
    """

    values: Floats
    member: Mask
    persons: Integers
    predictions: bool = False


def measure(scores: Scores, level: float = 0.95) -> dict[str, Any]:
    """Figures of an attack, persons being the independent units: a person's score is the mean over the pictures.

    Parameters
    ----------
    level : float
        Of the AUC's interval.

    Returns
    -------
    dict
        `auc` (value, low, high, n), `tpr` (per false positive rate, see `figures.true_positives`), `members` and
        `non_members` (persons), `pictures`, `worst` (`person`: run-local number of the member with the highest score;
        `beats`: share of non-members below it), and for predictions `right` (share of correct ones of members and of
        non-members).

    Raises
    ------
    AvatarflowError
        All at once: scores that are not finite, fewer than two members or non-members, a person on both sides, two
        sides that are one and the same set.
    """
    check(scores)
    people, place = np.unique(scores.persons, return_inverse=True)
    sizes = np.bincount(place)
    means = np.bincount(place, scores.values) / sizes
    inside = np.bincount(place, scores.member) > 0
    members, others = means[inside], means[~inside]
    first = int(np.argmax(members))  # the smaller number where scores are equal
    found: dict[str, Any] = {
        "auc": figures.auc(members, others, level).as_dict(),
        "tpr": {str(rate): figures.true_positives(members, others, rate) for rate in figures.RATES},
        "members": len(members),
        "non_members": len(others),
        "pictures": len(scores.values),
        "worst": {
            "person": int(people[inside][first]),
            "beats": float((others < members[first]).mean()),
        },
    }
    if scores.predictions:
        found["right"] = {"members": _mean(members), "non_members": _mean(others)}
    return found


def check(scores: Scores) -> None:
    """Refuse what no figure can be given for; see `measure`."""
    if not len(scores.values) == len(scores.member) == len(scores.persons):
        found = "scores, truth and persons differ in number"
        raise refuse(WHERE, found, "give one of each per picture")
    with Problems() as problems:
        if bad := int((~np.isfinite(scores.values)).sum()):
            problems.add(
                WHERE,
                f"{bad} of {len(scores.values)} scores are not finite",
                "look into the attacked pictures",
            )
        inside, outside = (
            np.unique(scores.persons[side]) for side in (scores.member, ~scores.member)
        )
        for name, people in (("members", inside), ("non-members", outside)):
            if len(people) < 2:
                problems.add(WHERE, f"{len(people)} persons are {name}", "give at least two")
        if both := len(np.intersect1d(inside, outside)):
            problems.add(
                WHERE, f"{both} persons are members and non-members", "keep each person on one side"
            )
        if not problems.lines and _same_set(scores):
            problems.add(
                WHERE,
                "members and non-members have the very same scores",
                "give two different sets",
            )


def _same_set(scores: Scores) -> bool:
    """Return whether one set was given twice: equal values on both sides, too many different ones to be chance."""
    ours, theirs = np.sort(scores.values[scores.member]), np.sort(scores.values[~scores.member])
    return (
        len(ours) == len(theirs)
        and bool((ours == theirs).all())
        and 2 * len(np.unique(ours)) > len(ours)
    )


def _mean(shares: Floats) -> dict[str, Any]:
    """Mean share of correct predictions with a normal interval over persons, cut to [0, 1]."""
    value, error = float(shares.mean()), float(1.96 * shares.std(ddof=1) / np.sqrt(len(shares)))
    return Estimate(value, max(0.0, value - error), min(1.0, value + error), len(shares)).as_dict()
