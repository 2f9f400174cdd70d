"""Where each gate's figure comes from."""

from collections.abc import Mapping, Sequence
from typing import Any

import networkx
import numpy as np
import pandas as pd

from avatarflow.core.counts import by_condition
from avatarflow.core.statistics import Estimate, wilson
from avatarflow.imaging.spool import Stored
from avatarflow.intake.patients.near_equal import near_equal_pairs
from avatarflow.intake.patients.persons import TRAINED
from avatarflow.quality.anatomy import WRONG_ANATOMY
from avatarflow.quality.samples import Sample

ALWAYS_ABLE = ("nearest_synthetic", "density_ratio")
"""Attacks that need nothing but pictures: one that cannot see makes the gate inconclusive."""


def release_figures(
    evaluation: Mapping[str, Any],
    calibrated: Mapping[str, Any],
    released: Sample,
    conditions: Mapping[str, Sequence[str]],
    attacks: Mapping[str, Any] | None = None,
    verifier: Mapping[str, Any] | None = None,
    canaries: Mapping[str, Any] | None = None,
) -> dict[str, Estimate]:
    """Return the figure of every gate.

    Parameters
    ----------
    evaluation : mapping
        What `quality.evaluation.evaluate` measured.
    calibrated : mapping
        What the cones' calibration measured: `miss`, `miss_seen` and `specificity` as `{value, low, high, n, persons}`.
    released : Sample
        Released pictures, their table with the condition columns.
    conditions : mapping of str to list of str
        Condition columns and their values.
    attacks : mapping, optional
        `attacks.json`: `rows`, one per attack and view.
    verifier : mapping, optional
        What the verifier measured on the student's pictures.
    canaries : mapping, optional
        `canaries.json`, where canaries were asked for.
    """
    figures = {
        "missed_patients.test": over_persons(calibrated.get("miss")),
        "missed_patients.seen": over_persons(calibrated.get("miss_seen")),
        "specificity": over_persons(calibrated.get("specificity")),
        "verifier_matches": verifier_matches(verifier),
        "different_pictures": different_pictures(released.pictures),
        "kid_ratio": Estimate.of(evaluation["worst"]["kid_ratio"]),
        "coverage_ratio": Estimate.of(evaluation["worst"]["coverage_ratio"]),
        "attack_auc": attack_auc(attacks),
        "shown_leaks": shown_leaks(attacks),
    }
    if canaries is not None:
        figures["canaries_found"] = canaries_found(canaries)
    for column in conditions:
        found = evaluation["agreement"].get(column, {})
        figures[f"agreement.{column}"] = Estimate.of(found.get("asked"))
        figures[f"classifier_accuracy.{column}"] = Estimate.of(found.get("heldout_accuracy"))
        figures[f"shuffled_control.{column}"] = from_chance(found)
    for label, count in counts(released.table, conditions).items():
        figures[f"released_count.{label}"] = Estimate.exact(count, count)
    return figures


def over_persons(share: Mapping[str, Any] | None) -> Estimate:
    """Return a share measured by the cone, with n as the persons behind its interval."""
    figure = Estimate.of(share)
    return Estimate(
        figure.value, figure.low, figure.high, int((share or {}).get("persons", figure.n))
    )


def shown_leaks(attacks: Mapping[str, Any] | None) -> Estimate:
    """Count attacks on the released pictures that show a leak; missing where none caught its positive control."""
    rows = [row for row in (attacks or {}).get("rows", []) if row.get("target") == "release"]
    able = [row for row in rows if row["positive"].get("caught") is True]
    return (
        Estimate.exact(sum(row.get("shown") is not False for row in able), len(able))
        if able
        else Estimate.missing()
    )


def canaries_found(canaries: Mapping[str, Any]) -> Estimate:
    """Return how many trained canaries the released pictures show; missing without a picture or a trained canary."""
    found = canaries.get("released", {})
    able = found.get("pictures") and found.get("n") and found.get("found") is not None
    return Estimate.exact(found["found"], found["n"]) if able else Estimate.missing()


def right_anatomy(decisions: pd.DataFrame) -> Estimate:
    """Return the share of the pictures that cones and verifier accept whose anatomy is right; missing without one."""
    accepted = int(decisions["accepted"].sum())
    wrong = int(decisions["reason"].str.startswith(WRONG_ANATOMY).sum())
    return wilson(accepted, accepted + wrong)


def verifier_matches(verifier: Mapping[str, Any] | None) -> Estimate:
    """Return the share of the pictures outside every cone that the verifier takes for an original.

    Missing where it was not asked, or there is no such picture.
    """
    found = verifier or {}
    outside, matched = found.get("outside_cones"), found.get("matched_outside_cones")
    return (
        wilson(int(matched), int(outside))
        if outside and matched is not None
        else Estimate.missing()
    )


def different_pictures(pictures: Stored) -> Estimate:
    """Return the share left when pictures that are one but for a new export are counted once; missing without any."""
    if not len(pictures):
        return Estimate.missing()
    same = networkx.Graph(near_equal_pairs(pictures, np.arange(len(pictures))))
    again = sum(len(group) - 1 for group in networkx.connected_components(same))
    return Estimate.exact(1 - again / len(pictures), len(pictures))


def attack_auc(attacks: Mapping[str, Any] | None) -> Estimate:
    """Return the AUC farthest from chance, of the attacks on the released pictures that passed both controls.

    An AUC far below 0.5 shows members as one far above does, so both count as their distance from 0.5. Missing unless
    every attack of `ALWAYS_ABLE` could see, in every view that was tried.
    """
    rows = [row for row in (attacks or {}).get("rows", []) if row.get("target") == "release"]
    able = [row for row in rows if _is_able(row)]
    blind = [row for row in rows if row.get("attack") in ALWAYS_ABLE and not _is_able(row)]
    if blind or not {row["attack"] for row in able}.issuperset(ALWAYS_ABLE):
        return Estimate.missing()
    folded = [
        Estimate(
            0.5 + abs(auc.value - 0.5), None, max(auc.high, 1 - auc.low),
            min(row["members"], row["non_members"]),
        )
        for row in able
        if (auc := Estimate.of(row["auc"])).value is not None and auc.low is not None and auc.high is not None
    ]  # fmt: skip
    return max(folded, key=lambda each: each.high or 1.0, default=Estimate.missing())


def _is_able(row: Mapping[str, Any]) -> bool:
    """Whether an attack found its positive control and nothing in its negative control."""
    caught, clean = row.get("positive", {}).get("caught"), row.get("negative", {}).get("clean")
    return caught is True and clean is True and bool(row.get("auc"))


def from_chance(found: Mapping[str, Any]) -> Estimate:
    """Return the distance of the control's agreement from chance, up to the farther end of the control's interval."""
    control, chance = Estimate.of(found.get("shuffled")), found.get("chance")
    if control.value is None or control.low is None or control.high is None or not chance:
        return Estimate.missing()
    ends = sorted((abs(control.low - chance), abs(control.high - chance)))
    low = 0.0 if control.low <= chance <= control.high else ends[0]
    return Estimate(abs(control.value - chance), low, ends[1], control.n)


def counts(released: pd.DataFrame, conditions: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Released pictures per condition, that is per combination of values; `all` of them where nothing was asked."""
    if not conditions:
        return {"all": len(released)}
    return {label: len(rows) for label, rows in by_condition(released, conditions)}


def smallest_condition(
    summary: Mapping[str, Any], released: pd.DataFrame, conditions: Mapping[str, Sequence[str]]
) -> Estimate:
    """Return the fewest patients trained on who have a condition that released pictures show; missing where unknown.

    A picture of a condition that one patient alone has tells of that patient, however far it is from his pictures.
    """
    patients = summary.get("patients_per_condition")
    shown = [label for label, count in counts(released, conditions).items() if count]
    if patients is None or not shown:
        return Estimate.missing()
    trained = sum(summary["persons_per_role"][role] for role in TRAINED)
    return Estimate.exact(min(patients.get(label, 0) for label in shown), trained)
