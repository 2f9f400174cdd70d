"""Figures per camera: what a filter does to pictures of one camera says little of another."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.statistics import share_of_persons, share_of_pictures
from avatarflow.intake.patients.persons import HELDOUT
from avatarflow.privacy.cones.coverage import reject_all_coverage

from .candidates import share

UNKNOWN = "(not known)"


def by_camera(
    pool: pd.DataFrame,
    settings: Mapping[str, Any],
    risk: Mapping[str, Floats],
    decisions: pd.DataFrame,
    labels: pd.DataFrame,
    seed: int,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return who is there of each camera, whether its persons are covered, and what the cones do to its pictures.

    Parameters
    ----------
    pool : DataFrame
        `person`, `role` and the camera columns of every original.
    settings : mapping
        `cameras` (column -> cameras; pictures without one are shown as `(not known)`) and `cone` (`mode` and
        `fewest_persons`) of the config.
    risk : mapping
        `altered` (q,), of the altered originals of test persons, equally many of each in the order of the pool;
        `held_out` (h,), of the held-out subjects' pictures in the order of the pool.
    decisions, labels : DataFrame
        One row per candidate.

    Returns
    -------
    dict
        Column -> camera -> `persons` (in the gallery), `calibration_persons`, `covered` (whether they reach
        `cone.fewest_persons`), `promise` (of the reject-all mode with this camera's calibration persons alone, None in
        conformal mode, which promises on average over cameras, and where not covered), `miss` (share of its test
        persons with an accepted perturbation), `specificity` (share of its held-out subjects' pictures accepted),
        `foreign_camera` (held-out subjects of a camera of which the gallery has none: their specificity is trivially
        high), `accepted` (share of its candidates).
    """
    heldout, calibrating, tested = (
        (pool["role"] == role).to_numpy() for role in (HELDOUT, "calibration", "test")
    )
    person, accepted = pool["person"].to_numpy(), decisions["accepted"].to_numpy(bool)
    of = np.repeat(np.flatnonzero(tested), len(risk["altered"]) // max(1, tested.sum()))
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for column, values in settings["cameras"].items():
        camera, of_candidates = _named(pool[column]), _named(labels[column])
        found[column] = {}
        for value in [*values, UNKNOWN]:
            mine, made = camera == value, of_candidates == value
            if not mine.any() and not made.any():
                continue
            gallery = len(np.unique(person[mine & ~heldout]))
            calibration = len(np.unique(person[mine & calibrating]))
            covered = calibration >= settings["cone"]["fewest_persons"]
            promised = covered and settings["cone"]["mode"] == "reject-all"
            found[column][value] = {
                "persons": gallery,
                "calibration_persons": calibration,
                "covered": covered,
                "promise": asdict(reject_all_coverage(calibration)) if promised else None,
                "miss": _miss(risk["altered"][mine[of]], person[of[mine[of]]]),
                "specificity": _passing(
                    risk["held_out"][mine[heldout]], person[mine & heldout], seed
                ),
                "foreign_camera": gallery == 0,
                "accepted": share(accepted[made]),
            }
    return found


def _named(column: "pd.Series[Any]") -> npt.NDArray[np.object_]:
    return column.where(column.notna(), UNKNOWN).to_numpy(dtype=object)


def _miss(risk: Floats, persons: Integers) -> dict[str, Any] | None:
    return share_of_persons(risk > 1, persons).as_dict() if len(risk) else None


def _passing(risk: Floats, persons: Integers, seed: int) -> dict[str, Any] | None:
    return share_of_pictures(risk > 1, persons, seed).as_dict() if len(risk) else None
