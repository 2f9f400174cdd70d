"""Refuse too few patients at intake, and not hours later when cones cannot be calibrated or a gate cannot pass."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from avatarflow.core.differential_privacy import refuse_large_delta
from avatarflow.core.errors import Problems
from avatarflow.core.statistics import fewest_to_keep, fewest_to_show

from .persons import HELDOUT, TRAINED

LEAST = {"encoder": 2, "test": 1, HELDOUT: 1}
"""Patients per role without whom a later step has nothing to learn from or to measure on."""

MEASURED = ("encoder", "test")
"""Roles of whose patients the missed ones are counted."""


def calibration_needed(cone: Mapping[str, Any]) -> int:
    """Return the fewest calibration patients that the asked cone can be calibrated with.

    Parameters
    ----------
    cone : mapping
        `cone` of the config: `mode`, `alpha`, `fewest_persons`.
    """
    needed = fewest_to_keep(1 - cone["alpha"]) if cone["mode"] == "conformal" else 1
    return max(needed, int(cone["fewest_persons"]))


def refuse_too_few(
    table: pd.DataFrame, split: Mapping[str, Any], asked: Mapping[str, Any], release: bool
) -> None:
    """Compare the patients of every role with what later steps and the gates need.

    Parameters
    ----------
    table : DataFrame
        The pool's rows, with `person` and `role`.
    split : mapping
        `split` of the config: the share of patients per role, or the column that divides them.
    asked : mapping
        The entry: `cone`, and of a release `gates`, `anatomy` and `differential_privacy`.
    release : bool
        Whether held-out patients are needed, too: an audit may have none.

    Raises
    ------
    AvatarflowError
        With every role that lacks patients, and how many in all would do with these shares; and a delta that so many
        patients do not allow.
    """
    there = table.groupby("role")["person"].nunique()
    with Problems() as problems:
        for need in _needs(asked, release):
            count = sum(int(there.get(role, 0)) for role in need.roles)
            if count < need.least:
                roles = " and ".join(need.roles)
                found = (
                    f"{count} patients for {roles} where at least {need.least} are needed{need.why}"
                )
                problems.add("intake", found, _advice(need, split))
        if private := asked.get("differential_privacy"):
            trained = sum(int(there.get(role, 0)) for role in TRAINED)
            refuse_large_delta(private["delta"], trained, problems)


class _Need(NamedTuple):
    """The fewest patients of some roles together, the key that asks for them, and why."""

    roles: tuple[str, ...]
    least: int
    key: str = "cone"
    why: str = ""


def _needs(asked: Mapping[str, Any], release: bool) -> list[_Need]:
    """Return what is needed; of a role by whatever asks for more patients."""
    least = {role: _Need((role,), count) for role, count in LEAST.items()}
    least["calibration"] = _Need(("calibration",), calibration_needed(asked["cone"]))
    if not release:
        del least[HELDOUT]
        return list(least.values())
    if (largest := float(asked["gates"]["missed_patients"])) > 0:
        shown = fewest_to_show(largest)
        why = f" to show that at most {largest:g} of them are missed, even if none is"
        for role in MEASURED:
            if shown > least[role].least:
                least[role] = _Need((role,), shown, "gates.missed_patients", why)
    needs = list(least.values())
    if private := asked.get("differential_privacy"):
        why = " to draw so many in a step of training"
        needs.append(_Need(TRAINED, private["patients"], "differential_privacy.patients", why))
    if anatomy := asked.get("anatomy"):
        share = float(anatomy["pass_share"])
        why = f" for limits that {share:g} of them keep"
        roles = ("test", HELDOUT)
        needs.append(_Need(roles, fewest_to_keep(share), "anatomy.pass_share", why))
    return needs


def _advice(need: _Need, split: Mapping[str, Any]) -> str:
    """Say what gives roles that many patients."""
    other = f"change split.shares or {need.key}"
    if split["column"] and HELDOUT in need.roles:
        return "mark more patients as held out in the column that divides them"
    share = sum(split["shares"].get(role, 0) for role in need.roles)
    if split["column"]:
        # the column says who is held out; the other roles share those whom it marks as train
        share /= sum(part for name, part in split["shares"].items() if name != HELDOUT) or 1
    whose = "in the column's training part" if split["column"] else "in all"
    total = f"give about {math.ceil((need.least + 0.5) / share)} patients {whose}, or "
    return f"{total if share else ''}{other}"
