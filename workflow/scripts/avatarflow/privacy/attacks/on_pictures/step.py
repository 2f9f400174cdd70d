"""The step that attacks pictures: candidates of a generator, or the released ones, in two views. faiss side."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Integers, Rows
from avatarflow.core.paths import write_json
from avatarflow.generators.conditions import Conditions
from avatarflow.imaging.shards import count_rows, read_table
from avatarflow.imaging.spool import spooled
from avatarflow.intake.patients.persons import HELDOUT, TRAINED
from avatarflow.privacy.attacks.conclusion import unmeasured
from avatarflow.privacy.attacks.subjects import chosen
from avatarflow.privacy.fingerprints.files import encoder_digest, load_rows
from avatarflow.runs.context import Step

from .knowledge import Knowledge
from .registry import DATA_ATTACKS, attack_released
from .views import Pixels

FILTERED = ("release", "accepted")
"""Targets that are the pictures the cone accepted, of a release and of an audit; the others are whole sets."""

HANDED_OVER = ("release", "foreign", "accepted")
"""Targets of which an attacker has the pictures and no generator to draw more from."""

MEMBERS = {"fingerprint": ("calibration", "test"), "pixels": TRAINED}
"""Roles that each view's members are of: the encoder tells those it was trained on from others by itself."""

FEWEST = 8  # pictures below which nothing can be said of a set
FEWEST_NON_MEMBERS = 4  # two in each half of the controls


class View(NamedTuple):
    """Released, known and planted pictures as unit rows of one feature space."""

    released: Rows
    known: Rows
    copies: Rows


def attack_pictures(
    inputs: Mapping[str, str],
    conditions: Mapping[str, list[str]],
    settings: Mapping[str, Any],
    seed: int,
    target: str,
    results: str,
    step: Step,
) -> None:
    """Attack one set of pictures in every view and write what was found.

    Parameters
    ----------
    inputs : mapping
        `pool`, `samples` and `leaks` (shards), `decisions` (of the samples), `encoder`, and its `originals`,
        `fingerprints` (of the samples) and `leaks_fingerprints` (rows).
    settings : mapping
        `attacks` of the config.
    target : str
        `teacher` or `student` (all candidates: what its generator gives out), `release` (accepted ones only); in an
        audit `foreign` (all candidates) or `accepted`.
    results : str
        The JSON file: one entry per attack and view.
    """
    table, made = read_table(inputs["pool"]), read_table(inputs["samples"])
    rows = load_rows(inputs["fingerprints"], encoder_digest(inputs["encoder"]))
    kept = np.isfinite(rows).all(1)
    if target in FILTERED:
        kept &= pd.read_parquet(inputs["decisions"])["accepted"].to_numpy(bool)
    attacks = {
        name: each
        for name, each in DATA_ATTACKS.items()
        if target not in HANDED_OVER or each.access == "data"
    }
    if reason := _too_few(int(kept.sum()), table):
        entries = [_row(name, "none", target, unmeasured(reason)) for name in attacks]
    else:
        entries, rows_kept = [], made.iloc[np.flatnonzero(kept)]
        attacked = {
            view: chosen(table, settings["persons"], seed, roles) for view, roles in MEMBERS.items()
        }
        for view, features in _views(inputs, table, kept, attacked).items():
            knowledge = _world(
                features, table[attacked[view]], rows_kept, Conditions(conditions), seed
            )
            outcomes = attack_released(knowledge, features.copies, settings, attacks)
            entries += [_row(name, view, target, outcome) for name, outcome in outcomes.items()]
    for each in entries:
        step.info(
            "%s %s %s: %s (%s)",
            target,
            each["attack"],
            each["view"],
            each["conclusion"],
            each["reason"],
        )
    write_json(results, entries, allow_nan=False)


def _too_few(pictures: int, table: pd.DataFrame) -> str:
    """Why nothing can be attacked; empty where it can."""
    non_members = table.loc[table["role"] == HELDOUT, "person"].nunique()
    if non_members < FEWEST_NON_MEMBERS:
        return f"{non_members} non-members: persons known not to have been trained on are needed (split)"
    return f"{pictures} pictures in the set" if pictures < FEWEST else ""


def _row(name: str, view: str, target: str, outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "access": DATA_ATTACKS[name].access,
        **outcome,
        "attack": name,
        "view": view,
        "target": target,
    }


def _views(
    inputs: Mapping[str, str], table: pd.DataFrame, kept: Any, attacked: Mapping[str, Any]
) -> dict[str, View]:
    """Return the attacker with the cone's own fingerprints, and one who has only pixels."""
    of_non_members = attacked["pixels"][(table["role"] == HELDOUT).to_numpy()]
    encoder = encoder_digest(inputs["encoder"])
    leaks = np.asarray(load_rows(inputs["leaks_fingerprints"], encoder))[of_non_members]
    pictures = spooled(inputs["samples"], kept)
    pixels = Pixels.fit(pictures)
    copies = count_rows(inputs["leaks"]) // len(of_non_members)
    small = pixels.rows(spooled(inputs["leaks"], np.repeat(of_non_members, copies)))
    made, known = (
        np.asarray(load_rows(inputs[name], encoder)) for name in ("fingerprints", "originals")
    )
    originals = pixels.rows(spooled(inputs["pool"], attacked["pixels"]))
    return {
        "fingerprint": View(made[kept], known[attacked["fingerprint"]], leaks),
        "pixels": View(pixels.rows(pictures), originals, small.reshape(-1, copies, small.shape[1])),
    }


def _world(
    view: View,
    known: pd.DataFrame,
    made: pd.DataFrame,
    conditions: Conditions,
    seed: int,
) -> Knowledge:
    return Knowledge(
        view.released, _codes(made, conditions), view.known, _codes(known, conditions), known["person"].to_numpy(),
        known["eye"].to_numpy(), known["role"].isin(TRAINED).to_numpy(), seed,
    )  # fmt: skip


def _codes(table: pd.DataFrame, conditions: Conditions) -> Integers:
    """(n, columns) places of the labels in their lists, -1 where missing."""
    codes = conditions.codes(table)
    return np.where(codes == conditions.missing, -1, codes)
