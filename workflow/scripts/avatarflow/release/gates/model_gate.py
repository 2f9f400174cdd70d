"""The gate before the student's generator: internal only unless every attack on it was run, could see, and failed."""

from collections.abc import Mapping, Sequence
from typing import Any

from avatarflow.core.outcomes import FAIL, INCONCLUSIVE, PASS, worst
from avatarflow.core.statistics import finite
from avatarflow.generators.families import DEFAULT, FAMILIES
from avatarflow.privacy.attacks.names import ON_MODEL, due

NAME = "student_model"
TARGET = "student"


def model_gate(
    attacks: Mapping[str, Any] | None, settings: Mapping[str, Any] | None, family: str = DEFAULT
) -> dict[str, Any]:
    """Hold the attacks on the student against what the config asked for before the run.

    It fails closed: an attack that is absent, was not measured, missed its positive control, saw a leak in its negative
    one, or had too few persons makes the gate inconclusive. It does not hold back data.

    Parameters
    ----------
    attacks : mapping or None
        `attacks.json`: `rows`, one per attack and view.
    settings : mapping or None
        `attacks` of the config: `largest_auc`, `fewest_persons`.
    family : str
        Of the generator: which attacks are due.

    Returns
    -------
    dict
        `value`, `low` and `high` of the AUC with the highest upper limit, `n` (the smaller side of the smallest
        attack), `threshold`, `result`, `meaning`, and `attacks` (result of each by name and view).
    """
    rows = [row for row in (attacks or {}).get("rows", []) if row.get("target") == TARGET]
    rows = [row for row in rows if row.get("attack") in ON_MODEL]
    asked = settings or {}
    results = {f"{row['attack']} ({row['view']})": _result(row, asked) for row in rows}
    missing = sorted(set(due(FAMILIES[family].attacked_by)) - {row["attack"] for row in rows})
    highest = max(
        (row for row in rows if row.get("auc")), key=lambda row: row["auc"]["high"], default=None
    )
    found = dict.fromkeys(("value", "low", "high")) if highest is None else {
        name: highest["auc"][name] for name in ("value", "low", "high")
    }  # fmt: skip
    return {
        "name": NAME,
        **found,
        "n": min((min(row["members"], row["non_members"]) for row in rows), default=0),
        "threshold": asked.get("largest_auc"),
        "result": worst([*results.values(), *(INCONCLUSIVE for _ in missing)]),
        "meaning": _meaning(results, missing),
        "attacks": results,
    }


def _result(row: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return one attack's result, from its figures and not from its own conclusion alone."""
    largest, fewest = settings.get("largest_auc"), settings.get("fewest_persons")
    area = row.get("auc") or {}
    low, high = area.get("low"), area.get("high")
    able = (
        row.get("positive", {}).get("caught") is True
        and row.get("negative", {}).get("clean") is True
    )
    numbers = all(finite(value) is not None for value in (largest, fewest, low, high))
    if not able or not numbers or row.get("conclusion") not in (PASS, FAIL):
        return INCONCLUSIVE
    if row["conclusion"] == FAIL or not 1 - largest <= low <= high <= largest:  # type: ignore[operator]
        return FAIL
    return PASS if min(row["members"], row["non_members"]) >= fewest else INCONCLUSIVE


def _meaning(results: Mapping[str, str], missing: Sequence[str]) -> str:
    """Return the gate's outcome in plain words."""
    failed = [name for name, result in results.items() if result == FAIL]
    unsure = [name for name, result in results.items() if result == INCONCLUSIVE]
    if failed:
        names = ", ".join(failed)
        return f"attacks on the generator recognise persons it must not know, or cannot rule it out: {names}"
    if missing or unsure:
        short = [*unsure, *(f"{name} (not run)" for name in missing)]
        return f"attacks on the generator show too little: {', '.join(short)}"
    return "no attack on the generator tells those whose pictures the teacher learned from apart from non-members"
