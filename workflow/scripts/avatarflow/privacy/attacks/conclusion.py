"""What an attack may conclude: nothing, unless it passed its positive and its negative control in this run."""

from collections.abc import Callable, Mapping
from typing import Any

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.outcomes import FAIL, INCONCLUSIVE, PASS

from .interface import Scores, measure

CHANCE = 0.5
CONTROL_LEVEL = 0.999
"""Level of the negative control's interval: many attacks in a run must not make one of them stray by chance."""

SHOWN = 0.0005
"""Chance up to which recognised members are no chance: with some ten attacks and three rates on a release it leaves a
harmless one under 2 % of being called a leak."""


def conclude(
    attack: Callable[[], Scores],
    positive: Callable[[], Scores],
    negative: Callable[[], Scores],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Run an attack with its two controls and judge it.

    Parameters
    ----------
    attack : callable
        Scores of the originals that were trained on against non-members.
    positive : callable
        The same attack where half of the non-members was planted.
    negative : callable
        The same attack on the two halves of non-members where nothing was planted.
    settings : mapping
        `largest_auc` (what the upper limit may be, and what an attack must be able to see) and `fewest_persons`.

    Returns
    -------
    dict
        `measure` of the attack, `positive` and `negative` (`auc`, `members`, `non_members`; `caught` and `clean`),
        `conclusion`, `reason` and `shown` (whether a leak is shown beyond doubt). An attack that could not run has the
        conclusion `inconclusive`.
    """
    try:
        measured = measure(attack())
    except AvatarflowError as refusal:
        return unmeasured(str(refusal).replace("\n", " / "))
    largest = float(settings["largest_auc"])
    caught = _control(positive, 0.95)
    caught["caught"] = caught["auc"] is not None and caught["auc"]["low"] > largest
    clean = _control(negative, CONTROL_LEVEL)
    clean["clean"] = (
        clean["auc"] is not None and clean["auc"]["low"] <= CHANCE <= clean["auc"]["high"]
    )
    conclusion, reason = judge(measured, caught["caught"], clean["clean"], settings)
    shown = bool(caught["caught"] and clean["clean"] and leaks(measured, largest))
    return {
        **measured,
        "positive": caught,
        "negative": clean,
        "conclusion": conclusion,
        "reason": reason,
        "shown": shown,
    }


def judge(
    found: Mapping[str, Any], caught: bool, clean: bool, settings: Mapping[str, Any]
) -> tuple[str, str]:
    """Conclusion and reason of a measured attack.

    A shown leak fails whatever the number of persons; a pass needs enough of them, and no tail that leaks behind a
    harmless mean: at no false positive rate more members recognised than chance allows (`SHOWN`).
    """
    largest, fewest = float(settings["largest_auc"]), int(settings["fewest_persons"])
    area = found["auc"]
    if not caught:
        return INCONCLUSIVE, "the positive control was not caught"
    if not clean:
        return INCONCLUSIVE, "the negative control was not clean"
    if leak := leaks(found, largest):
        return FAIL, leak
    if min(found["members"], found["non_members"]) < fewest:
        return INCONCLUSIVE, f"fewer than {fewest} members or non-members"
    if area["high"] > largest or area["low"] < 1 - largest:
        return FAIL, f"the AUC's interval reaches beyond {1 - largest:g} to {largest:g}"
    return PASS, f"the AUC's interval lies within {1 - largest:g} to {largest:g}"


def leaks(found: Mapping[str, Any], largest: float) -> str:
    """Return how a measured attack shows a leak beyond doubt; empty where it shows none."""
    if found["auc"]["low"] > largest:
        return f"members are recognised: the AUC's lower limit is above {largest:g}"
    # a filter that carves holes around members shows them as well
    if found["auc"]["high"] < 1 - largest:
        return f"members are recognised by their absence: the AUC's upper limit is below {1 - largest:g}"
    rates = [rate for rate, figure in found["tpr"].items() if figure["chance"] <= SHOWN]
    return (
        f"some members are recognised, at a false positive rate of {', '.join(rates)}"
        if rates
        else ""
    )


def unmeasured(reason: str) -> dict[str, Any]:
    """Return the result of an attack that could not run."""
    nothing = {"auc": None, "members": 0, "non_members": 0}
    return {
        **nothing, "tpr": {}, "pictures": 0, "worst": None, "conclusion": INCONCLUSIVE, "reason": reason,
        "shown": False,
        "positive": {**nothing, "caught": False}, "negative": {**nothing, "clean": False},
    }  # fmt: skip


def _control(scores: Callable[[], Scores], level: float) -> dict[str, Any]:
    try:
        found = measure(scores(), level)
    except AvatarflowError as refusal:
        return {
            "auc": None,
            "members": 0,
            "non_members": 0,
            "refused": str(refusal).replace("\n", " / "),
        }
    return {name: found[name] for name in ("auc", "members", "non_members")}
