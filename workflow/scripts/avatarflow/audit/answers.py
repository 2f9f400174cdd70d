"""The questions that an audit answers, each with pass, fail or inconclusive; it fails closed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from avatarflow.core.outcomes import FAIL, INCONCLUSIVE, PASS, worst

MEASURED = "measured"
"""The answer of a question that nothing was asked for: a figure to read beside the others."""

Answer = dict[str, str]
TOO_NEAR = "Is any candidate too near to an original?"
HOLDS = "Do the cones reject altered originals of persons who did not calibrate them?"
SPARES = "How many real pictures of held-out subjects would the cones accept?"
TOLD = {
    "foreign": "Do the candidates as handed over tell who was trained on?",
    "accepted": "Do the candidates that the cone accepts tell who was trained on?",
}
NAMES = {TOO_NEAR: "too_near", HOLDS: "cones_hold", SPARES: "specificity"} | {
    question: f"membership_{target}" for target, question in TOLD.items()
}


def answers(
    weighed: Mapping[str, Any],
    calibrated: Mapping[str, Any],
    attacks: Sequence[Mapping[str, Any]],
    left_out: int,
) -> list[Answer]:
    """Return one answer per question: `name`, `question`, `answer`, `reason`.

    Parameters
    ----------
    weighed : mapping
        As `step.weigh_candidates` writes it.
    calibrated : mapping
        As `privacy.calibration` writes it.
    attacks : sequence of mappings
        Rows of `attacks.json`.
    left_out : int
        Originals that stand in no gallery, so that no candidate was compared with them.
    """
    found = [too_near(weighed, left_out), holds(calibrated), spares(calibrated)]
    return found + [
        told([row for row in attacks if row["target"] == target], TOLD[target]) for target in TOLD
    ]


def overall(found: Sequence[Answer]) -> str:
    """Return the worst of the answers; a mere measurement does not count, and no answer at all is no pass."""
    return worst(each["answer"] for each in found if each["answer"] != MEASURED)


def too_near(weighed: Mapping[str, Any], left_out: int) -> Answer:
    """Answer whether a candidate lies in a cone; what was not compared makes a clean result worth nothing."""
    refused, inside, matched = (
        weighed["refused"]["count"],
        weighed["inside"],
        weighed["matched_outside"],
    )
    if inside or matched:
        told = [f"{inside} of {weighed['candidates']} candidates lie in the cone of an original"]
        if matched:
            told.append(f"{matched} lie in none, but the verifier takes them for an original")
        return _answer(TOO_NEAR, FAIL, f"{'; '.join(told)}: take them out")
    holes = []
    if not weighed["judged"]:
        holes.append("no candidate was judged")
    elif refused:
        holes.append(f"{refused} candidates could not be judged")
    if left_out:
        holes.append(
            f"{left_out} originals could not be taken in, so that nothing was compared with them"
        )
    if holes:
        return _answer(TOO_NEAR, INCONCLUSIVE, "; ".join(holes))
    return _answer(
        TOO_NEAR, PASS, f"all {weighed['judged']} candidates lie outside the cones of all originals"
    )


def holds(calibrated: Mapping[str, Any]) -> Answer:
    """Return whether the cones keep their promise on the test persons, who calibrated nothing.

    The promise follows from the calibration persons alone; few test persons can contradict it, and they confirm it only
    where the upper limit of what was missed lies below it.
    """
    miss, bound = calibrated["miss"], calibrated["coverage"]["miss_bound"]
    if not miss or not miss["persons"]:
        return _answer(HOLDS, INCONCLUSIVE, "no test persons")
    said = f"missed in {miss['value']:.1%} of {miss['persons']} test persons ({miss['low']:.1%} to {miss['high']:.1%})"
    if miss["low"] > bound:
        return _answer(HOLDS, FAIL, f"{said}, beyond the promise of at most {bound:.1%}")
    if miss["high"] <= bound:
        return _answer(HOLDS, PASS, f"{said}; promised: at most {bound:.1%}")
    return _answer(
        HOLDS, MEASURED, f"{said}; that does not contradict the promise of at most {bound:.1%}"
    )


def spares(calibrated: Mapping[str, Any]) -> Answer:
    """Answer what the cones do to real pictures of held-out subjects: without it nobody knows what a rejection says."""
    share = calibrated["specificity"]
    if share is None:
        return _answer(
            SPARES, INCONCLUSIVE, "no original is known not to have been trained on (split.column)"
        )
    said = f"{share['value']:.1%} of {share['n']} pictures of {share['persons']} held-out subjects"
    return _answer(SPARES, MEASURED, f"{said} ({share['low']:.1%} to {share['high']:.1%})")


def told(rows: Sequence[Mapping[str, Any]], question: str) -> Answer:
    """Return whether attacks on one set of pictures find members."""
    failed = [row for row in rows if row["conclusion"] == FAIL or row["shown"]]
    if failed:
        return _answer(
            question,
            FAIL,
            "; ".join(dict.fromkeys(f"{_name(row)}: {row['reason']}" for row in failed)),
        )
    passed = [row for row in rows if row["conclusion"] == PASS]
    if rows and len(passed) == len(rows):
        return _answer(question, PASS, f"all {len(rows)} attacks pass")
    if not rows:
        return _answer(question, INCONCLUSIVE, "no attack was run")
    reasons = Counter(row["reason"].partition(";")[0] for row in rows if row["conclusion"] != PASS)
    said = "; ".join(f"{reason} ({count})" for reason, count in reasons.items())
    return _answer(
        question, INCONCLUSIVE, f"{len(passed)} of {len(rows)} attacks pass; the others: {said}"
    )


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['attack'].replace('_', ' ')} ({row['view']})"


def _answer(question: str, answer: str, reason: str) -> Answer:
    return {"name": NAMES[question], "question": question, "answer": answer, "reason": reason}
