"""Where each gate's figure comes from."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.statistics import Estimate


def release_figures(
    evaluation: Mapping[str, Any],
    calibrated: Mapping[str, Any],
    released: pd.DataFrame,
    conditions: Mapping[str, Sequence[str]],
    attacks: Mapping[str, Any] | None = None,
    canaries: Mapping[str, Any] | None = None,
) -> dict[str, Estimate]:
    """Return the figure of every gate.

    Parameters
    ----------
    evaluation : mapping
        What `quality.evaluation.evaluate` measured.
    calibrated : mapping
        What the cones' calibration measured: `rejected` and `specificity` as `{value, low, high, n, persons}`.
    released : table
        Released pictures with `risk` and the condition columns.
    conditions : mapping of str to list of str
        Condition columns and their values.
    attacks : mapping, optional
        `attacks.json`: `rows`, one per attack and view.
    canaries : mapping, optional
        `canaries.json`, where canaries were asked for.
    """
    figures = {
        "calibration_rejection": over_persons(calibrated.get("rejected")),
        "specificity": over_persons(calibrated.get("specificity")),
        "nearest_original": nearest_original(released),
        "kid_ratio": Estimate.of(evaluation["worst"]["kid_ratio"]),
        "coverage_ratio": Estimate.of(evaluation["worst"]["coverage_ratio"]),
        "shown_leaks": shown_leaks(attacks),
    }
    if canaries is not None:
        figures["canaries_found"] = canaries_found(canaries)
    for column in conditions:
        found = evaluation["agreement"].get(column, {})
        figures[f"agreement.{column}"] = Estimate.of(found.get("asked"))
        figures[f"shuffled_control.{column}"] = from_chance(found)
    for label, count in counts(released, conditions).items():
        figures[f"released_count.{label}"] = Estimate.exact(count, count)
    if not conditions:  # nothing was asked for, so there is nothing to agree with
        figures["agreement"] = Estimate.exact(1.0, len(released))
        figures["shuffled_control"] = Estimate.exact(0.0, len(released))
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


def nearest_original(released: pd.DataFrame) -> Estimate:
    """Return the smallest risk; missing if there is no picture, or any of them has no risk."""
    risks = released["risk"].to_numpy(dtype=np.float64)
    return (
        Estimate.exact(float(risks.min()), len(risks))
        if len(risks) and np.isfinite(risks).all()
        else Estimate.missing()
    )


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
    found = {}
    for values in itertools.product(*conditions.values()):
        matches = [
            released[column] == value for column, value in zip(conditions, values, strict=True)
        ]
        found[" ".join(values)] = int(np.logical_and.reduce(matches).sum())
    return found
