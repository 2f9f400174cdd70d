"""Figures per camera: what a filter does to pictures of one camera says little of another."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.statistics import share_of_persons, share_of_pictures
from avatarflow.intake.patients.persons import HELDOUT
from avatarflow.privacy.cones.coverage import reject_all_coverage

from .candidates import share

UNKNOWN = "(not known)"


def by_camera(
    pool: pd.DataFrame,
    column: str,
    values: list[str],
    risk: Mapping[str, Floats],
    of: Integers,
    decisions: pd.DataFrame,
    labels: pd.DataFrame,
    cone: Mapping[str, Any],
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Return who is there of each camera, whether its persons are covered, and what the cones do to its pictures.

    Parameters
    ----------
    pool : DataFrame
        `person`, `role` and the camera column of every original.
    values : list of str
        The cameras of the config; pictures without one are shown as `(not known)`.
    risk : mapping
        `altered` (q,), of the altered originals of test persons; `held_out` (h,), of the held-out subjects'
        pictures in the order of the pool.
    of : (q,)
        The row of the pool that each altered original is of.
    decisions, labels : DataFrame
        One row per candidate.
    cone : mapping
        `mode` and `fewest_persons`.

    Returns
    -------
    dict
        Camera -> `persons` (in the gallery), `calibration_persons`, `covered` (whether they reach
        `cone.fewest_persons`), `promise` (of the reject-all mode with this camera's calibration persons alone, None in
        conformal mode, which promises on average over cameras, and where not covered), `miss` (share of its test
        persons with an accepted perturbation), `specificity` (share of its held-out subjects' pictures accepted),
        `foreign_camera` (held-out subjects of a camera of which the gallery has none: their specificity is trivially
        high), `accepted` (share of its candidates).
    """
    camera = pool[column].where(pool[column].notna(), UNKNOWN).to_numpy(dtype=object)
    of_candidates = labels[column].where(labels[column].notna(), UNKNOWN).to_numpy(dtype=object)
    heldout = (pool["role"] == HELDOUT).to_numpy()
    found = {}
    for value in [*values, UNKNOWN]:
        mine = camera == value
        apart = mine & heldout
        if not mine.any() and not (of_candidates == value).any():
            continue
        gallery = int(pool.loc[mine & ~heldout, "person"].nunique())
        calibrating = int(
            pool.loc[mine & (pool["role"] == "calibration").to_numpy(), "person"].nunique()
        )
        covered = calibrating >= cone["fewest_persons"]
        promised = covered and cone["mode"] == "reject-all"
        found[value] = {
            "persons": gallery,
            "calibration_persons": calibrating,
            "covered": covered,
            "promise": reject_all_coverage(calibrating).summary() if promised else None,
            "miss": _miss(risk["altered"][mine[of]], pool["person"].to_numpy()[of[mine[of]]]),
            "specificity": _passing(
                risk["held_out"][mine[heldout]], pool.loc[apart, "person"].to_numpy(), seed
            ),
            "foreign_camera": gallery == 0,
            "accepted": share(decisions["accepted"].to_numpy(bool)[of_candidates == value]),
        }
    return found


def _miss(risk: Floats, persons: Integers) -> dict[str, Any] | None:
    return share_of_persons(risk > 1, persons).as_dict() if len(risk) else None


def _passing(risk: Floats, persons: Integers, seed: int) -> dict[str, Any] | None:
    return share_of_pictures(risk > 1, persons, seed).as_dict() if len(risk) else None
