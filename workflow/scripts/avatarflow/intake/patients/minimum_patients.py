"""Refuse too few patients at intake, and not an hour later when the cones cannot be calibrated."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from avatarflow.core.errors import Problems

from .persons import HELDOUT

LEAST = {"encoder": 2, "test": 1, HELDOUT: 1}
"""Patients per role without whom a later step has nothing to learn from or to measure on."""


def calibration_needed(cone: Mapping[str, Any]) -> int:
    """The smallest number of calibration patients that the asked cone can be calibrated with.

    Parameters
    ----------
    cone : mapping
        `cone` of the config: `mode`, `alpha`, `fewest_persons`.

    References
    ----------
    Vovk 2012, Conditional validity of inductive conformal predictors: of n scores the k-th, k = ceil((n + 1)(1 -
    alpha)), exists where n >= 1 / alpha - 1.
    """
    needed = math.ceil(1 / cone["alpha"] - 1e-9) - 1 if cone["mode"] == "conformal" else 1
    return max(needed, int(cone["fewest_persons"]))


def refuse_too_few(
    table: pd.DataFrame, split: Mapping[str, Any], cone: Mapping[str, Any], release: bool
) -> None:
    """Compare the patients of every role with what later steps need.

    Parameters
    ----------
    table : DataFrame
        The pool's rows, with `person` and `role`.
    split : mapping
        `split` of the config: the share of patients per role, or the column that divides them.
    cone : mapping
        As `calibration_needed` takes it.
    release : bool
        Whether held-out patients are needed, too: an audit may have none.

    Raises
    ------
    AvatarflowError
        With every role that lacks patients, and how many in all would do with these shares.
    """
    needed = {**LEAST, "calibration": calibration_needed(cone)}
    if not release:
        del needed[HELDOUT]
    there = table.groupby("role")["person"].nunique()
    with Problems() as problems:
        for role, least in needed.items():
            if (count := int(there.get(role, 0))) < least:
                found = f"{count} patients for {role} where at least {least} are needed"
                problems.add("intake", found, _advice(role, least, split))


def _advice(role: str, least: int, split: Mapping[str, Any]) -> str:
    """Say what gives a role that many patients."""
    share = split["shares"].get(role, 0)
    if split["column"] and role == HELDOUT:
        return "mark more patients as held out in the column that divides them"
    if split["column"]:
        # the column says who is held out; the other roles share those whom it marks as train
        share /= sum(part for name, part in split["shares"].items() if name != HELDOUT) or 1
    whose = "in the column's training part" if split["column"] else "in all"
    total = f"give about {math.ceil((least + 0.5) / share)} patients {whose}, or " if share else ""
    return f"{total}change split.shares or cone"
